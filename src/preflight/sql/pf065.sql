-- PF065: long transactions hold up the start.
select format('process %s of %s in %s, %s', pid, usename, datname, date_trunc('second', now() - xact_start)) as object
from pg_stat_activity
where pid <> pg_backend_pid() and xact_start < now() - interval '5 minutes' and backend_xid is not null
order by xact_start
