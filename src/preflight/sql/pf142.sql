-- PF142: the user of the target lacks rights.
select r.rolcreaterole as creates_roles, r.rolcreatedb as creates_databases, r.rolsuper as super,
       exists (select 1 from pg_roles g where g.rolname = 'azure_pg_admin' and pg_has_role(r.oid, g.oid, 'MEMBER')) as administers,
       exists (select 1 from pg_roles g where g.rolname = 'azure_pg_admin') as azure
from pg_roles r
where r.rolname = current_user
