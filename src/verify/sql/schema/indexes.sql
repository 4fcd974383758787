-- Indexes that no constraint stands behind.
select i.indexrelid::regclass::text as identity,
       i.indrelid::regclass::text as parent,
       pg_get_indexdef(i.indexrelid) as definition,
       i.indisvalid as valid,
       i.indisclustered as clustered,
       pg_get_indexdef(i.indexrelid) || ';' as make,
       'drop index ' || i.indexrelid::regclass::text || ';' as undo
from pg_index i
join pg_class c on c.oid = i.indexrelid
join pg_namespace n on n.oid = c.relnamespace
where not exists (select 1 from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x'))
  and {ours}
  and (i.indrelid, 'pg_class'::regclass) not in (select objid, classid from pg_depend where deptype = 'e')
