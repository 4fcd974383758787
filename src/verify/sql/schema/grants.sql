-- Privileges, defaults written out. MAINTAIN came with 17, and whoever held all privileges before holds it since. An owner is called
-- so, because owners are compared elsewhere.
with held (what, owner, acl) as (
  select 'database', datdba, coalesce(datacl, acldefault('d', datdba)) from pg_database where datname = current_database()
  union all
  select 'schema ' || quote_ident(n.nspname), n.nspowner, coalesce(n.nspacl, acldefault('n', n.nspowner)) from pg_namespace n
  where {ours} and (n.oid, 'pg_namespace'::regclass) not in (select objid, classid from pg_depend where deptype = 'e')
  union all
  select case c.relkind when 'S' then 'sequence ' else 'table ' end || c.oid::regclass::text, c.relowner,
         coalesce(c.relacl, acldefault(case c.relkind when 'S' then 's'::"char" else 'r'::"char" end, c.relowner))
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') and {ours}
    and (c.oid, 'pg_class'::regclass) not in (select objid, classid from pg_depend where deptype = 'e')
  union all
  select 'column ' || quote_ident(a.attname) || ' of ' || c.oid::regclass::text, c.relowner, a.attacl
  from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
  where a.attacl is not null and not a.attisdropped and a.attnum > 0 and {ours}
    and (c.oid, 'pg_class'::regclass) not in (select objid, classid from pg_depend where deptype = 'e')
  union all
  select case when coalesce(to_jsonb(p) ->> 'prokind', 'f') = 'p' then 'procedure ' else 'function ' end || p.oid::regprocedure::text,
         p.proowner, coalesce(p.proacl, acldefault('f', p.proowner))
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace
  where {ours} and (p.oid, 'pg_proc'::regclass) not in (select objid, classid from pg_depend where deptype in ('e', 'i'))
  union all
  select 'type ' || t.oid::regtype::text, t.typowner, coalesce(t.typacl, acldefault('T', t.typowner))
  from pg_type t join pg_namespace n on n.oid = t.typnamespace
  where t.typtype in ('e', 'd', 'r') and {ours}
    and (t.oid, 'pg_type'::regclass) not in (select objid, classid from pg_depend where deptype = 'e')
  union all
  select 'foreign server ' || quote_ident(s.srvname), s.srvowner, s.srvacl from pg_foreign_server s where s.srvacl is not null
)
select a.privilege_type || ' on ' || h.what || ' to ' || w.who as identity,
       case when split_part(h.what, ' ', 1) in ('table', 'sequence', 'function', 'procedure', 'type', 'schema') then substr(h.what, strpos(h.what, ' ') + 1)
            when h.what like 'column %' then substr(h.what, strpos(h.what, ' of ') + 4) end as parent,
       case when bool_or(a.is_grantable) then 'yes' else 'no' end as "may grant it on",
       case when h.what = 'schema public' then 'the schema public belongs to the server, and its defaults changed with 15'
            when h.what = 'database' and w.who = 'the owner' then 'a database belongs to whoever made it' end as expected,
       case when w.who <> 'the owner' then
         'grant ' || a.privilege_type
         || case when h.what like 'column %' then ' (' || substr(h.what, 8, strpos(h.what, ' of ') - 8) || ') on ' || substr(h.what, strpos(h.what, ' of ') + 4)
                 when h.what = 'database' then ' on database ' || quote_ident(current_database())
                 else ' on ' || h.what end
         || ' to ' || w.who || case when bool_or(a.is_grantable) then ' with grant option' else '' end || ';'
       end as make,
       case when w.who <> 'the owner' then
         'revoke ' || a.privilege_type
         || case when h.what like 'column %' then ' (' || substr(h.what, 8, strpos(h.what, ' of ') - 8) || ') on ' || substr(h.what, strpos(h.what, ' of ') + 4)
                 when h.what = 'database' then ' on database ' || quote_ident(current_database())
                 else ' on ' || h.what end
         || ' from ' || w.who || ';'
       end as undo
from held h
cross join lateral aclexplode(h.acl) a
cross join lateral (select case when a.grantee = 0 then 'public'
                                when a.grantee = h.owner then 'the owner'
                                else quote_ident(pg_get_userbyid(a.grantee)) end as who) w
where a.privilege_type <> 'MAINTAIN' or {lower} >= 170000
group by h.what, a.privilege_type, w.who
