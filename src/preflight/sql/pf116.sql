-- PF116: types that no longer exist.
select format('%s.%I: %s', c.oid::regclass, a.attname, t.typname) as object
from pg_attribute a
join pg_type t on t.oid = a.atttypid
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'm', 'v', 'c') and a.attnum > 0 and not a.attisdropped
  and t.typname in ('abstime', 'reltime', 'tinterval', 'unknown', 'opaque', 'smgr') and t.typnamespace = 'pg_catalog'::regnamespace and {ours}
order by 1
