-- PF126: values may be too wide to copy.
select format('%s: %s', c.oid::regclass, pg_size_pretty(pg_relation_size(c.reltoastrelid))) as object
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'm') and c.reltoastrelid <> 0 and {ours} and pg_relation_size(c.reltoastrelid) > 268435456
order by pg_relation_size(c.reltoastrelid) desc
limit 20
