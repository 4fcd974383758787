-- PF123: materialised views are not replayed.
select c.oid::regclass::text as object
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'm' and {ours}
order by 1
