-- PF064: logical slots that nobody reads.
select format('%s (%s, database %s)', slot_name, plugin, database) as object,
       format('SELECT pg_drop_replication_slot(%L);', slot_name) as fix
from pg_replication_slots
where slot_type = 'logical' and not active
order by 1
