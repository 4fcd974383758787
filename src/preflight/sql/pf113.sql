-- PF113: names differ by letter case only.
select format('%I: %s', n.nspname, string_agg(format('%I', c.relname), ', ' order by c.relname)) as object
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f') and {ours}
group by n.nspname, lower(c.relname)
having count(*) > 1
order by 1
