-- Tables, views, sequences and the like, with what is theirs as a whole.
select c.oid::regclass::text as identity,
       case c.relkind
         when 'r' then 'table' when 'p' then 'partitioned table' when 'v' then 'view' when 'm' then 'materialised view'
         when 'S' then 'sequence' when 'f' then 'foreign table' when 'c' then 'composite type'
       end as kind,
       case c.relpersistence when 'p' then 'permanent' when 'u' then 'unlogged' else 'temporary' end as persistence,
       c.relrowsecurity as "row security",
       c.relforcerowsecurity as "forced row security",
       (select string_agg(o, ', ' order by o collate "C") from unnest(c.reloptions) o) as options,
       pg_get_partkeydef(c.oid) as "partition key",
       pg_get_expr(c.relpartbound, c.oid) as "partition bound",
       (select string_agg(i.inhparent::regclass::text, ', ' order by i.inhseqno) from pg_inherits i where i.inhrelid = c.oid) as parents,
       (select quote_ident(s.srvname) from pg_foreign_table f join pg_foreign_server s on s.oid = f.ftserver where f.ftrelid = c.oid) as server,
       case when c.relkind in ('r', 'p') and to_jsonb(c) ->> 'relam' is not null
            then coalesce((select a.amname from pg_am a where a.oid::text = to_jsonb(c) ->> 'relam' and a.amname <> 'heap'), 'heap')
       end as "~access method"
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f', 'c')
  and {ours}
  and (c.oid, 'pg_class'::regclass) not in (select objid, classid from pg_depend where deptype = 'e')
