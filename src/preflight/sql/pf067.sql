-- PF067: the source takes part in replication.
select format('publication %I', pubname) as object
from pg_publication
union all
select format('subscription %I', subname)
from pg_subscription
where subdbid = (select oid from pg_database where datname = current_database())
order by 1
