-- Columns of tables, views and composite types.
select c.oid::regclass::text || '.' || quote_ident(a.attname) as identity,
       c.oid::regclass::text as parent,
       format_type(a.atttypid, a.atttypmod) as type,
       case when c.relkind in ('r', 'p', 'f') then a.attnotnull end as "not null",
       (select quote_ident(l.collname) from pg_collation l where l.oid = nullif(a.attcollation, t.typcollation)) as collation,
       pg_get_expr(d.adbin, d.adrelid) as "default",
       case to_jsonb(a) ->> 'attidentity' when 'a' then 'always' when 'd' then 'by default' end as identity_column,
       case to_jsonb(a) ->> 'attgenerated' when 's' then 'stored' when 'v' then 'virtual' end as generated,
       (select string_agg(o, ', ' order by o collate "C") from unnest(a.attoptions) o) as options,
       case when a.attstorage <> t.typstorage then a.attstorage::text end as "~storage",
       case when c.relkind in ('r', 'p') then
         'alter table ' || c.oid::regclass::text || ' add column ' || quote_ident(a.attname) || ' '
         || format_type(a.atttypid, a.atttypmod)
         || case when to_jsonb(a) ->> 'attgenerated' = 's' then ' generated always as (' || pg_get_expr(d.adbin, d.adrelid) || ') stored'
                 else coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '') end
         || case when a.attnotnull then ' not null' else '' end || ';'
       end as make
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_type t on t.oid = a.atttypid
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where a.attnum > 0
  and not a.attisdropped
  and c.relkind in ('r', 'p', 'v', 'm', 'f', 'c')
  and {ours}
  and (c.oid, 'pg_class'::regclass) not in (select objid, classid from pg_depend where deptype = 'e')
