-- Triggers, without those that the server made itself for foreign keys and partitions. Up to 10 it says PROCEDURE for FUNCTION.
select quote_ident(t.tgname) || ' on ' || t.tgrelid::regclass::text as identity,
       t.tgrelid::regclass::text as parent,
       replace(pg_get_triggerdef(t.oid), ' EXECUTE PROCEDURE ', ' EXECUTE FUNCTION ') as definition,
       case t.tgenabled when 'O' then 'enabled' when 'D' then 'disabled' when 'R' then 'on a replica' else 'always' end as fires,
       pg_get_triggerdef(t.oid) || ';' as make,
       'drop trigger ' || quote_ident(t.tgname) || ' on ' || t.tgrelid::regclass::text || ';' as undo
from pg_trigger t
join pg_class c on c.oid = t.tgrelid
join pg_namespace n on n.oid = c.relnamespace
where not t.tgisinternal
  and {ours}
  and (c.oid, 'pg_class'::regclass) not in (select objid, classid from pg_depend where deptype = 'e')
  and not exists (select 1 from pg_depend d
                  where d.classid = 'pg_trigger'::regclass and d.objid = t.oid and d.refclassid = 'pg_trigger'::regclass)
