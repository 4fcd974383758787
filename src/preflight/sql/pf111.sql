-- PF111: roles do not exist on the target.
select distinct r.rolname as name
from pg_roles r
where r.rolname !~ '^pg_'
  and r.oid in (select refobjid from pg_shdepend
                where refclassid = 'pg_authid'::regclass
                  and dbid in (0, (select oid from pg_database where datname = current_database()))
                union
                select c.relowner from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid >= 16384 and {ours})
order by 1
