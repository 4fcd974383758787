-- PF086: generated columns are replayed only by recent engines.
select format('%s.%I', c.oid::regclass, a.attname) as object
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
where a.attgenerated <> '' and not a.attisdropped and c.relkind in ('r', 'p') and {ours}
order by 1
