-- Where sequences stand, and the columns that they feed.
select c.oid::regclass::text as sequence,
       s.seqincrement as increment,
       case when p.readable then pg_sequence_last_value(c.oid) end as last,
       p.readable,
       (select array_to_json(array_agg(distinct f.feeds order by f.feeds)) from (
          select array[d.refobjid::regclass::text, quote_ident(a.attname)] as feeds
          from pg_depend d
          join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
          where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')
          union
          select array[f.adrelid::regclass::text, quote_ident(a.attname)]
          from pg_depend d
          join pg_attrdef f on f.oid = d.objid
          join pg_attribute a on a.attrelid = f.adrelid and a.attnum = f.adnum
          join pg_class r on r.oid = f.adrelid and r.relkind in ('r', 'p')
          where d.classid = 'pg_attrdef'::regclass and d.refclassid = 'pg_class'::regclass and d.refobjid = c.oid
            and a.atttypid in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
        ) f) as feeds
from pg_sequence s
join pg_class c on c.oid = s.seqrelid
join pg_namespace n on n.oid = c.relnamespace
cross join lateral (select has_sequence_privilege(c.oid, 'select') or has_sequence_privilege(c.oid, 'usage') as readable) p
where {ours}
  and (c.oid, 'pg_class'::regclass) not in (select objid, classid from pg_depend where deptype = 'e')
