-- PF070: transaction ids are far spent.
select format('%s: %s', datname, age(datfrozenxid)) as object
from pg_database
where age(datfrozenxid) > 1000000000
order by age(datfrozenxid) desc
