-- PF106: tables have oids.
select c.oid::regclass::text as object, format('ALTER TABLE %s SET WITHOUT OIDS;', c.oid::regclass) as fix
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relhasoids and c.relkind = 'r' and {ours}
order by 1
