-- PF109: a language does not exist on the target.
select format('%s, %s functions', lanname, (select count(*) from pg_proc p where p.prolang = l.oid and p.oid >= 16384)) as object
from pg_language l
where lanname not in ('internal', 'c', 'sql', 'plpgsql', 'plv8')
order by 1
