-- What holds rows, with what identifies a row: the primary key, or else the narrowest key that every row has exactly once.
select n.nspname as schema, c.relname as name,
       c.relkind as kind,
       greatest(c.reltuples::bigint, pg_relation_size(c.oid) / 256, 1) as rows,
       -- Rows that lie in the order of their key can be read range by range; others would be read all over again for each.
       exists (
         select 1 from pg_stats s
         join pg_index i on i.indrelid = c.oid and i.indisprimary and i.indnatts = 1
         join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
         where s.schemaname = n.nspname and s.tablename = c.relname and s.attname = a.attname and not s.inherited
           and abs(s.correlation) > 0.9) as ordered,
       (select array_to_json(array(
                 select a.attname from unnest(i.indkey::int2[]) with ordinality k (attnum, at)
                 join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
                 where k.at <= coalesce((to_jsonb(i) ->> 'indnkeyatts')::int, i.indnatts) order by k.at))
        from pg_index i
        where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indimmediate and i.indpred is null and i.indexprs is null
          and not exists (select 1 from unnest(i.indkey::int2[]) with ordinality k (attnum, at)
                          join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
                          where k.at <= coalesce((to_jsonb(i) ->> 'indnkeyatts')::int, i.indnatts)
                            and (not a.attnotnull
                                 -- Such a key calls texts equal that are not.
                                 or exists (select 1 from pg_collation l where l.oid = a.attcollation and to_jsonb(l) ->> 'collisdeterministic' = 'false')))
        order by i.indisprimary desc, i.indnatts, i.indexrelid
        limit 1) as key
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where (c.relkind = 'r' or c.relkind = 'm' and c.relispopulated)
  and c.relpersistence <> 't'
  and {ours}
  and (c.oid, 'pg_class'::regclass) not in (select objid, classid from pg_depend where deptype = 'e')
