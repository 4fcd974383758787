-- PF103: user-defined collations.
select format('%I.%I', n.nspname, o.collname) as object
from pg_collation o
join pg_namespace n on n.oid = o.collnamespace
where o.oid >= 16384 and n.nspname <> 'pg_catalog'
order by 1
