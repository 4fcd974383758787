-- PF090: event triggers.
select format('%I (%s)', evtname, evtevent) as object, format('DROP EVENT TRIGGER %I;', evtname) as fix
from pg_event_trigger e
where not exists (select 1 from pg_depend d
                  where d.classid = 'pg_event_trigger'::regclass and d.objid = e.oid and d.deptype = 'e')
order by 1
