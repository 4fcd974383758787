-- PF129: functions reach for the host.
select p.oid::regprocedure::text as object
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
where p.oid >= 16384 and n.nspname !~ '^pg_'
  and p.prosrc ~* '(pg_read_(binary_)?file|pg_ls_dir|lo_import|lo_export|\m(from|to)\s+program\M|pg_stat_file|dblink)'
  and not exists (select 1 from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
order by 1
