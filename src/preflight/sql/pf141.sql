-- PF141: databases of the target are in use.
select datname as name, count(*) as sessions, pg_has_role(current_user, 'pg_signal_backend', 'MEMBER') as may_end_them
from pg_stat_activity
where pid <> pg_backend_pid() and datname is not null
group by datname
order by 1
