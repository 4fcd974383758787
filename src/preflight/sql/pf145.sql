-- PF145: too few replication slots on the target.
select current_setting('max_replication_slots')::int as allowed
