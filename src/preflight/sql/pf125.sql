-- PF125: exclusion constraints.
select format('%s of %s', conname, conrelid::regclass) as object
from pg_constraint
where contype = 'x' and conrelid >= 16384
order by 1
