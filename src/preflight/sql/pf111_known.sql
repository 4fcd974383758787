-- PF111: the roles there are.
select rolname as name
from pg_roles
order by 1
