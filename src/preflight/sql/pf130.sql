-- PF130: views read views of the system.
select distinct format('%s reads %s', v.oid::regclass, r.relname) as object
from pg_depend d
join pg_rewrite w on w.oid = d.objid
join pg_class v on v.oid = w.ev_class
join pg_class r on r.oid = d.refobjid
where d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass and v.oid >= 16384 and r.oid < 16384
  and not exists (select 1 from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = v.oid and e.deptype = 'e')
order by 1
