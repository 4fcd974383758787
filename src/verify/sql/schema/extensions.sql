-- Extensions; their versions are told and not judged.
select quote_ident(e.extname) as identity,
       quote_ident(n.nspname) as schema,
       e.extversion as "~version",
       case when e.extname in ('azure', 'pgaadauth', 'pg_availability', 'pg_qs') then 'it is the provider''s own' end as expected,
       'create extension ' || quote_ident(e.extname) || ' schema ' || quote_ident(n.nspname) || ';' as make
from pg_extension e
join pg_namespace n on n.oid = e.extnamespace
