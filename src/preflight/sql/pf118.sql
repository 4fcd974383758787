-- PF118: policies would hide rows from the copy.
select c.oid::regclass::text as object
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relrowsecurity and {ours}
  and not (select rolsuper or rolbypassrls from pg_roles where rolname = current_user)
  and (c.relforcerowsecurity or not pg_has_role(c.relowner, 'USAGE'))
order by 1
