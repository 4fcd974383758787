-- Policies of row security.
select quote_ident(p.polname) || ' on ' || p.polrelid::regclass::text as identity,
       p.polrelid::regclass::text as parent,
       p.polpermissive as permissive,
       p.polcmd as command,
       (select string_agg(case when r = 0 then 'public' else quote_ident(pg_get_userbyid(r)) end, ', '
                          order by (case when r = 0 then 'public' else pg_get_userbyid(r)::text end) collate "C") from unnest(p.polroles) r) as roles,
       pg_get_expr(p.polqual, p.polrelid) as "using",
       pg_get_expr(p.polwithcheck, p.polrelid) as "with check"
from pg_policy p
join pg_class c on c.oid = p.polrelid
join pg_namespace n on n.oid = c.relnamespace
where {ours}
  and (c.oid, 'pg_class'::regclass) not in (select objid, classid from pg_depend where deptype = 'e')
