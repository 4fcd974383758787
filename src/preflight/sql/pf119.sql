-- PF119: keys are deferrable.
select format('%s of %s', conname, conrelid::regclass) as object
from pg_constraint
where condeferrable and contype in ('p', 'u', 'x') and conrelid >= 16384
order by 1
