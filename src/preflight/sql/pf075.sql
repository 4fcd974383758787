-- PF075: superusers own objects.
select format('%s: %s', r.rolname, count(*)) as object
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_roles r on r.oid = c.relowner
where r.rolsuper and c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') and {ours}
group by r.rolname
order by 1
