-- Who owns what.
with owned (what, owner) as (
  select 'database', datdba from pg_database where datname = current_database()
  union all
  select 'schema ' || quote_ident(n.nspname), n.nspowner from pg_namespace n
  where {ours} and (n.oid, 'pg_namespace'::regclass) not in (select objid, classid from pg_depend where deptype = 'e')
  union all
  select 'relation ' || c.oid::regclass::text, c.relowner from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') and {ours}
    and (c.oid, 'pg_class'::regclass) not in (select objid, classid from pg_depend where deptype = 'e')
  union all
  select 'routine ' || p.oid::regprocedure::text, p.proowner from pg_proc p join pg_namespace n on n.oid = p.pronamespace
  where {ours} and (p.oid, 'pg_proc'::regclass) not in (select objid, classid from pg_depend where deptype in ('e', 'i'))
  union all
  select 'type ' || t.oid::regtype::text, t.typowner from pg_type t join pg_namespace n on n.oid = t.typnamespace
  where t.typtype in ('e', 'd', 'r') and {ours}
    and (t.oid, 'pg_type'::regclass) not in (select objid, classid from pg_depend where deptype = 'e')
)
select o.what as identity,
       case when split_part(o.what, ' ', 1) in ('relation', 'routine', 'type', 'schema') then substr(o.what, strpos(o.what, ' ') + 1) end as parent,
       quote_ident(r.rolname) as owner,
       case when o.what = 'schema public' then 'the server itself owns the schema public'
            when r.rolsuper then 'a superuser owns it, and the service gives what superusers own to the administrator' end as expected,
       case when split_part(o.what, ' ', 1) = 'relation' then 'alter table ' || substr(o.what, 10)
            when split_part(o.what, ' ', 1) = 'database' then 'alter database ' || quote_ident(current_database())
            else 'alter ' || o.what end || ' owner to ' || quote_ident(r.rolname) || ';' as make
from owned o
join pg_roles r on r.oid = o.owner
