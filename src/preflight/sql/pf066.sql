-- PF066: prepared transactions hold up the start.
select format('%s of %s in %s, since %s', gid, owner, database, date_trunc('second', prepared)) as object,
       format('ROLLBACK PREPARED %L;', gid) as fix
from pg_prepared_xacts
order by prepared
