-- PF112: rights on the schema public change.
select format('%I: %s', nspname, array_to_string(nspacl, ', ')) as object
from pg_namespace
where nspname = 'public' and nspacl is not null
  and exists (select 1 from aclexplode(nspacl) a where a.grantee = 0 and a.privilege_type = 'CREATE')
