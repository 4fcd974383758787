-- PF082: rows are identified by all their columns.
select format('%s (%s)', c.oid::regclass, pg_size_pretty(pg_total_relation_size(c.oid))) as object
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and c.relreplident = 'f' and {ours}
order by pg_total_relation_size(c.oid) desc
