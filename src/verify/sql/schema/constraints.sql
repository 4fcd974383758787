-- Primary keys, unique, foreign, check and exclusion constraints of tables and domains. Rows of NOT NULL exist from 18 on only; the
-- copies of a foreign key on partitions are the server's own.
select quote_ident(k.conname) || ' on ' || coalesce(nullif(k.conrelid, 0)::regclass::text, k.contypid::regtype::text) as identity,
       coalesce(nullif(k.conrelid, 0)::regclass::text, k.contypid::regtype::text) as parent,
       pg_get_constraintdef(k.oid) as definition,
       k.convalidated as validated,
       (select x.indisvalid from pg_index x where x.indexrelid = k.conindid and k.contype in ('p', 'u', 'x')) as "index valid",
       (case when k.conrelid <> 0 then 'alter table ' || k.conrelid::regclass::text
             else 'alter domain ' || k.contypid::regtype::text end)
         || ' add constraint ' || quote_ident(k.conname) || ' ' || pg_get_constraintdef(k.oid) || ';' as make,
       (case when k.conrelid <> 0 then 'alter table ' || k.conrelid::regclass::text
             else 'alter domain ' || k.contypid::regtype::text end)
         || ' drop constraint ' || quote_ident(k.conname) || ';' as undo
from pg_constraint k
join pg_namespace n on n.oid = k.connamespace
where k.contype in ('p', 'u', 'f', 'c', 'x')
  and coalesce(to_jsonb(k) ->> 'conparentid', '0') = '0'
  and {ours}
  and (k.conrelid, 'pg_class'::regclass) not in (select objid, classid from pg_depend where deptype = 'e')
  and (k.contypid, 'pg_type'::regclass) not in (select objid, classid from pg_depend where deptype = 'e')
