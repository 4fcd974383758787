-- By what logical replication knows a row.
select c.oid::regclass::text as identity,
       c.oid::regclass::text as parent,
       case c.relreplident when 'd' then 'its primary key' when 'n' then 'nothing' when 'f' then 'the whole row'
            else (select 'the index ' || quote_ident(x.relname) from pg_index i join pg_class x on x.oid = i.indexrelid
                  where i.indrelid = c.oid and i.indisreplident) end as "rows are known by",
       'alter table ' || c.oid::regclass::text || ' replica identity '
       || case c.relreplident when 'd' then 'default' when 'n' then 'nothing' when 'f' then 'full'
            else (select 'using index ' || quote_ident(x.relname) from pg_index i join pg_class x on x.oid = i.indexrelid
                  where i.indrelid = c.oid and i.indisreplident) end || ';' as make
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p')
  and {ours}
  and (c.oid, 'pg_class'::regclass) not in (select objid, classid from pg_depend where deptype = 'e')
