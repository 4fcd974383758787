-- Rewrite rules, without those that make a view a view.
select quote_ident(r.rulename) || ' on ' || r.ev_class::regclass::text as identity,
       r.ev_class::regclass::text as parent,
       pg_get_ruledef(r.oid) as definition,
       case r.ev_enabled when 'O' then 'enabled' when 'D' then 'disabled' when 'R' then 'on a replica' else 'always' end as fires,
       pg_get_ruledef(r.oid) as make,
       'drop rule ' || quote_ident(r.rulename) || ' on ' || r.ev_class::regclass::text || ';' as undo
from pg_rewrite r
join pg_class c on c.oid = r.ev_class
join pg_namespace n on n.oid = c.relnamespace
where r.rulename <> '_RETURN'
  and {ours}
  and (c.oid, 'pg_class'::regclass) not in (select objid, classid from pg_depend where deptype = 'e')
