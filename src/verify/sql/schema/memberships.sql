-- Who is a member of which role.
select quote_ident(m.rolname) || ' in ' || quote_ident(g.rolname) as identity,
       bool_or(a.admin_option) as "may pass it on",
       case when bool_or(m.rolname = current_user) then 'from 16 on, whoever makes a role becomes a member of it'
            when bool_or(m.rolsuper or g.rolsuper) then 'it is about a superuser, which no role of the service can be' end as expected,
       'grant ' || quote_ident(g.rolname) || ' to ' || quote_ident(m.rolname)
       || case when bool_or(a.admin_option) then ' with admin option;' else ';' end as make,
       'revoke ' || quote_ident(g.rolname) || ' from ' || quote_ident(m.rolname) || ';' as undo
from pg_auth_members a
join pg_roles g on g.oid = a.roleid
join pg_roles m on m.oid = a.member
where m.rolname !~ '^(pg_|azure|rds|cloudsql|alloydb)' and g.rolname !~ '^(azure|rds|cloudsql|alloydb)'
group by m.rolname, g.rolname
