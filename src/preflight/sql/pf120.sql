-- PF120: triggers fire during the replay.
select format('%I on %s', tgname, tgrelid::regclass) as object,
       format('ALTER TABLE %s ENABLE TRIGGER %I;', tgrelid::regclass, tgname) as fix
from pg_trigger
where not tgisinternal and tgenabled in ('A', 'R')
order by 1
