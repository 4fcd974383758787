-- Schemas that are neither the system's nor an extension's.
select quote_ident(n.nspname) as identity,
       'yes' as there,
       'create schema ' || quote_ident(n.nspname) || ';' as make
from pg_namespace n
where {ours}
  and (n.oid, 'pg_namespace'::regclass) not in (select objid, classid from pg_depend where deptype = 'e')
