-- PF084: changes of large objects are not replayed.
select count(*) as number, pg_size_pretty(pg_total_relation_size('pg_catalog.pg_largeobject')) as size
from pg_largeobject_metadata
