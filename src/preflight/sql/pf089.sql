-- PF089: foreign servers have to be set up anew.
select format('%I (%s), %s tables', s.srvname, w.fdwname, count(f.ftrelid)) as object
from pg_foreign_server s
join pg_foreign_data_wrapper w on w.oid = s.srvfdw
left join pg_foreign_table f on f.ftserver = s.oid
group by s.srvname, w.fdwname
order by 1
