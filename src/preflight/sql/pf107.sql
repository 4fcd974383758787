-- PF107: user-defined casts.
select format('%s to %s', castsource::regtype, casttarget::regtype) as object,
       format('DROP CAST (%s AS %s);', castsource::regtype, casttarget::regtype) as fix
from pg_cast k
where k.oid >= 16384
  and not exists (select 1 from pg_depend d where d.classid = 'pg_cast'::regclass and d.objid = k.oid and d.deptype = 'e')
order by 1
