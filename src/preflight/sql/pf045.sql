-- PF045: a pooler stands between.
select pg_backend_pid() as process
