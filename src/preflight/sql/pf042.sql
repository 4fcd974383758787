-- PF042: TLS is missing or too old.
select ssl as encrypted, version
from pg_stat_ssl
where pid = pg_backend_pid()
