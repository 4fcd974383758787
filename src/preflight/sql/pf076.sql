-- PF076: roles have names that the target refuses.
select rolname as object
from pg_roles
where oid >= 16384
  and (rolname ~* '^(azure|pg_)' or rolname in ('public', 'admin', 'administrator', 'root', 'guest'))
order by 1
