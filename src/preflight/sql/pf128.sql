-- PF128: tables are bloated.
select format('%s: %s dead of %s', relid::regclass, n_dead_tup, n_live_tup + n_dead_tup) as object
from pg_stat_user_tables
where n_dead_tup > 100000 and n_dead_tup > 0.2 * n_live_tup
order by n_dead_tup desc
