-- Extended statistics.
select quote_ident(n.nspname) || '.' || quote_ident(s.stxname) as identity,
       s.stxrelid::regclass::text as parent,
       pg_get_statisticsobjdef(s.oid) as definition,
       pg_get_statisticsobjdef(s.oid) || ';' as make,
       'drop statistics ' || quote_ident(n.nspname) || '.' || quote_ident(s.stxname) || ';' as undo
from pg_statistic_ext s
join pg_namespace n on n.oid = s.stxnamespace
where {ours}
