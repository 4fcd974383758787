-- PF080: tables cannot replay updates and deletes.
select c.oid::regclass::text as object,
       coalesce(s.n_tup_upd, 0) + coalesce(s.n_tup_del, 0) = 0 as light,
       format('ALTER TABLE %s REPLICA IDENTITY FULL; -- or add a primary key', c.oid::regclass) as fix
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join pg_stat_all_tables s on s.relid = c.oid
where c.relkind = 'r' and c.relpersistence = 'p' and {ours}
  and case c.relreplident
        when 'f' then false
        when 'n' then true
        when 'i' then not exists (select 1 from pg_index i where i.indrelid = c.oid and i.indisreplident and i.indisvalid)
        else not exists (select 1 from pg_index i
                         where i.indrelid = c.oid and i.indisprimary and i.indimmediate and i.indisvalid)
      end
order by 2, 1
