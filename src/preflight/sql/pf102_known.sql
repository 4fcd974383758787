-- PF102: the collations there are.
select distinct collname as name
from pg_collation
order by 1
