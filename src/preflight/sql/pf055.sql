-- PF055: wal_sender_timeout cuts slow replays.
select setting, unit
from pg_settings
where name = 'wal_sender_timeout'
