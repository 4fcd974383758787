-- Roles and what they may do; passwords cannot be compared.
select quote_ident(r.rolname) as identity,
       r.rolcanlogin as "signs in", r.rolinherit as inherits, r.rolcreaterole as "makes roles", r.rolcreatedb as "makes databases",
       r.rolreplication as replicates, r.rolbypassrls as "bypasses row security", r.rolconnlimit as connections,
       r.rolvaliduntil as "valid until",
       r.rolsuper as "~superuser",
       case when r.rolsuper then 'it is a superuser, which no role of the service can be' end as expected,
       concat_ws(' ', 'create role', quote_ident(r.rolname), case when r.rolcanlogin then 'login' end, case when not r.rolinherit then 'noinherit' end,
                 case when r.rolcreaterole then 'createrole' end, case when r.rolcreatedb then 'createdb' end,
                 case when r.rolconnlimit >= 0 then 'connection limit ' || r.rolconnlimit end) || ';' as make
from pg_roles r
where r.rolname !~ '^(pg_|azure|rds|cloudsql|alloydb|replication$)'
