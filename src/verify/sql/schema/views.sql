-- What views and materialised views show.
select c.oid::regclass::text as identity,
       c.oid::regclass::text as parent,
       pg_get_viewdef(c.oid) as definition,
       case when c.relkind = 'm' then c.relispopulated end as populated
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('v', 'm')
  and {ours}
  and (c.oid, 'pg_class'::regclass) not in (select objid, classid from pg_depend where deptype = 'e')
