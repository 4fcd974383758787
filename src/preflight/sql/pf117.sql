-- PF117: columns hold ids of objects.
select format('%s.%I: %s', c.oid::regclass, a.attname, format_type(a.atttypid, a.atttypmod)) as object
from pg_attribute a
join pg_type t on t.oid = a.atttypid
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped and t.typnamespace = 'pg_catalog'::regnamespace
  and (t.typname like 'reg%'
       or t.typname in ('oid', 'xid', 'xid8', 'cid', 'tid', 'pg_lsn', 'txid_snapshot', 'pg_snapshot'))
  and {ours}
order by 1
