-- PF069: few connections are free.
select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
       - (select count(*) from pg_stat_activity where datname is not null) as free
