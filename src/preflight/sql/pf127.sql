-- PF127: large tables cannot be copied in parts.
select format('%s: %s', c.oid::regclass, pg_size_pretty(pg_table_size(c.oid))) as object
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and {ours} and pg_table_size(c.oid) > 20 * 1024 ^ 3
  and not exists (select 1 from pg_index i
                  join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
                  where i.indrelid = c.oid and i.indisunique and i.indnatts = 1 and i.indpred is null
                    and a.atttypid in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype))
order by pg_table_size(c.oid) desc
