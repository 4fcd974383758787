-- PF053: too few WAL senders are allowed.
select current_setting('max_wal_senders')::int as senders,
       (select count(*) from pg_stat_replication) as used
