-- PF131: publications of all tables and subscriptions.
select format('publication %I', pubname) as object, format('DROP PUBLICATION %I;', pubname) as fix
from pg_publication
where puballtables
union all
select format('subscription %I', subname), format('DROP SUBSCRIPTION %I;', subname)
from pg_subscription
where subdbid = (select oid from pg_database where datname = current_database())
order by 1
