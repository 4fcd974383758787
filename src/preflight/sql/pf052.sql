-- PF052: too few replication slots are free.
select current_setting('max_replication_slots')::int as allowed,
       (select count(*) from pg_replication_slots) as used
