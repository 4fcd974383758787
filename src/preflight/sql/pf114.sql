-- PF114: names hold characters that tools stumble over.
select format('%I.%I', n.nspname, c.relname) as object
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') and {ours} and (c.relname ~ E'[[:cntrl:]";\'\\\\]' or n.nspname ~ E'[[:cntrl:]";\'\\\\]')
union all
select format('column %I of %I.%I', a.attname, n.nspname, c.relname)
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p') and {ours} and a.attname ~ E'[[:cntrl:]";\'\\\\]'
order by 1
