-- PF077: tablespaces are not kept.
select format('%s: %s', t.spcname, count(*)) as object
from pg_tablespace t
join pg_class c on c.reltablespace = t.oid
where t.spcname not in ('pg_default', 'pg_global')
group by t.spcname
order by 1
