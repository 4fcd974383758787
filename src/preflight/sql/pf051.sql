-- PF051: wal_level is not logical.
select setting, pending_restart
from pg_settings
where name = 'wal_level'
