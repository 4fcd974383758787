-- How sequences count. Where they stand is asked elsewhere.
select c.oid::regclass::text as identity,
       c.oid::regclass::text as parent,
       s.seqtypid::regtype::text as type,
       s.seqstart as start, s.seqmin as minimum, s.seqmax as maximum, s.seqincrement as increment, s.seqcycle as cycle, s.seqcache as cache,
       (select d.refobjid::regclass::text || '.' || quote_ident(a.attname)
        from pg_depend d join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
        where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')) as "owned by"
from pg_sequence s
join pg_class c on c.oid = s.seqrelid
join pg_namespace n on n.oid = c.relnamespace
where {ours}
  and (c.oid, 'pg_class'::regclass) not in (select objid, classid from pg_depend where deptype = 'e')
