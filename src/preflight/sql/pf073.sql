-- PF073: settings of databases and roles stay behind.
select format('%s: %s', coalesce('database ' || d.datname, '') || coalesce(' role ' || r.rolname, ''), array_to_string(s.setconfig, ', '))
         as object
from pg_db_role_setting s
left join pg_database d on d.oid = s.setdatabase
left join pg_roles r on r.oid = s.setrole
where r.oid is null or r.rolname !~ '^(pg_|azure|rds|cloudsql|alloydb)'
order by 1
