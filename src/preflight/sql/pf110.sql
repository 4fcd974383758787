-- PF110: rights on system objects were granted.
select format('%s on %s to %s', x.privilege_type, x.oid::regclass, coalesce(r.rolname, 'PUBLIC')) as object,
       format('REVOKE %s ON %s FROM %s;', x.privilege_type, x.oid::regclass, coalesce(quote_ident(r.rolname), 'PUBLIC')) as fix
from (select c.oid, a.grantee, a.privilege_type
      from pg_class c, aclexplode(c.relacl) a
      where c.relnamespace = 'pg_catalog'::regnamespace
      except
      select p.objoid, a.grantee, a.privilege_type
      from pg_init_privs p, aclexplode(p.initprivs) a
      where p.classoid = 'pg_class'::regclass and p.objsubid = 0) x
left join pg_roles r on r.oid = x.grantee
where x.grantee is distinct from (select relowner from pg_class where oid = x.oid)
order by 1
