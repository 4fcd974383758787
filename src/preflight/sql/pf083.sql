-- PF083: changes of unlogged tables are not replayed.
select c.oid::regclass::text as object, format('ALTER TABLE %s SET LOGGED;', c.oid::regclass) as fix
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and c.relpersistence = 'u' and {ours}
order by 1
