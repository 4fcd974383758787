-- PF144: a database of the target belongs to others.
select datname as name, pg_get_userbyid(datdba) as owner, pg_has_role(datdba, 'USAGE') as ours
from pg_database
order by 1
