-- Comments on objects that are neither the system's nor an extension's, and on the database itself.
select i.type || ' ' || i.identity as identity, d.description as comment
from pg_description d
cross join lateral pg_identify_object(d.classoid, d.objoid, d.objsubid) i
left join pg_namespace n on n.nspname = i.schema
where d.objoid >= 16384
  and i.identity is not null
  and d.classoid <> 'pg_extension'::regclass
  and (n.oid is null or {ours})
  and (d.objoid, d.classoid) not in (select objid, classid from pg_depend where deptype = 'e')
union all
select 'database', d.description
from pg_shdescription d
join pg_database b on b.oid = d.objoid and d.classoid = 'pg_database'::regclass
where b.datname = current_database()
