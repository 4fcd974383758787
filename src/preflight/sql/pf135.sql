-- PF135: the catalog is very large.
select count(*) as number
from pg_class
