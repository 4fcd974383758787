-- PF060: the user may not replicate.
select rolname as role, rolsuper or rolreplication or exists (select 1 from pg_roles g
         where g.rolname in ('rds_replication', 'cloudsqlsuperuser') and pg_has_role(r.oid, g.oid, 'MEMBER')) as allowed
from pg_roles r
where rolname = current_user
