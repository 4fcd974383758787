-- PF068: replication slots can be lost.
select setting::bigint as megabytes
from pg_settings
where name = 'max_slot_wal_keep_size'
