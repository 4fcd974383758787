-- PF124: indexes or constraints are not valid.
select format('index %s', indexrelid::regclass) as object
from pg_index
where (not indisvalid or not indisready) and indexrelid >= 16384
union all
select format('constraint %I of %s', conname, conrelid::regclass)
from pg_constraint
where not convalidated and oid >= 16384
order by 1
