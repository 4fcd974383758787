-- PF105: collations have changed since indexes were built.
select format('%s: was %s, is %s', collname, collversion, pg_collation_actual_version(oid)) as object
from pg_collation
where collversion is not null and collversion <> pg_collation_actual_version(oid)
order by 1
