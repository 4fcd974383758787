-- PF143: the user of the target is a member of many roles.
select g.rolname as name
from pg_auth_members m
join pg_roles g on g.oid = m.roleid
join pg_roles r on r.oid = m.member
where r.rolname = current_user and g.rolname !~ '^(pg_|azure)'
order by 1
