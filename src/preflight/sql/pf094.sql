-- PF094: an extension lives in a system schema.
select format('%s in %s', e.extname, n.nspname) as object
from pg_extension e
join pg_namespace n on n.oid = e.extnamespace
where n.nspname in ('pg_catalog', 'information_schema') and e.extname <> 'plpgsql'
order by 1
