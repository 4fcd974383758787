-- PF108: objects that only superusers can make.
select 'base type ' || t.oid::regtype as object
from pg_type t
where t.oid >= 16384 and t.typtype = 'b' and t.typcategory <> 'A' and t.typisdefined
  and not exists (select 1 from pg_depend d where d.classid = 'pg_type'::regclass and d.objid = t.oid and d.deptype = 'e')
union all
select 'function in C ' || p.oid::regprocedure
from pg_proc p
join pg_language l on l.oid = p.prolang
where p.oid >= 16384 and l.lanname in ('c', 'internal')
  and not exists (select 1 from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
union all
select 'text search parser ' || prsname
from pg_ts_parser x
where x.oid >= 16384
  and not exists (select 1 from pg_depend d where d.classid = 'pg_ts_parser'::regclass and d.objid = x.oid and d.deptype = 'e')
union all
select 'text search template ' || tmplname
from pg_ts_template x
where x.oid >= 16384
  and not exists (select 1 from pg_depend d where d.classid = 'pg_ts_template'::regclass and d.objid = x.oid and d.deptype = 'e')
union all
select 'operator class ' || opcname
from pg_opclass x
where x.oid >= 16384
  and not exists (select 1 from pg_depend d where d.classid = 'pg_opclass'::regclass and d.objid = x.oid and d.deptype = 'e')
order by 1
