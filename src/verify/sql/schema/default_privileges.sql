-- Privileges that objects get when they are made, without those that their maker has anyway.
select concat_ws(' ', a.privilege_type, 'on',
                 case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' when 'T' then 'types' else 'schemas' end,
                 'of', quote_ident(pg_get_userbyid(d.defaclrole)), 'in ' || quote_ident(n.nspname), 'to', w.who) as identity,
       a.is_grantable as "may grant it on",
       concat_ws(' ', 'alter default privileges for role', quote_ident(pg_get_userbyid(d.defaclrole)), 'in schema ' || quote_ident(n.nspname),
                 'grant', a.privilege_type, 'on',
                 case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' when 'T' then 'types' else 'schemas' end,
                 'to', w.who) || case when a.is_grantable then ' with grant option;' else ';' end as make,
       concat_ws(' ', 'alter default privileges for role', quote_ident(pg_get_userbyid(d.defaclrole)), 'in schema ' || quote_ident(n.nspname),
                 'revoke', a.privilege_type, 'on',
                 case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' when 'T' then 'types' else 'schemas' end,
                 'from', w.who) || ';' as undo
from pg_default_acl d
left join pg_namespace n on n.oid = d.defaclnamespace
cross join lateral aclexplode(d.defaclacl) a
cross join lateral (select case when a.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end as who) w
where a.grantee <> d.defaclrole
  and (a.privilege_type <> 'MAINTAIN' or {lower} >= 170000)
