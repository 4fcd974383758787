-- PF061: the user may not read everything.
select c.oid::regclass::text as object,
       case c.relkind when 'S' then format('GRANT SELECT ON SEQUENCE %s TO %I;', c.oid::regclass, current_user)
                      else format('GRANT SELECT ON %s TO %I;', c.oid::regclass, current_user) end as fix
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'm', 'S') and {ours}
  and not (has_schema_privilege(n.oid, 'USAGE')
           and case c.relkind when 'S' then has_sequence_privilege(c.oid, 'SELECT') else has_table_privilege(c.oid, 'SELECT') end)
order by 1
