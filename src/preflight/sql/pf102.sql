-- PF102: a collation does not exist on the target.
select distinct format('%I.%I', n.nspname, o.collname) as object, o.collname as name
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_collation o on o.oid = a.attcollation
join pg_namespace n on n.oid = o.collnamespace
where c.relkind in ('r', 'p', 'm') and a.attnum > 0 and not a.attisdropped and c.oid >= 16384 and o.oid < 16384
  and o.collname not in ('default', 'C', 'POSIX', 'ucs_basic')
order by 1
