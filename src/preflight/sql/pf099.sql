-- PF099: scheduled jobs do not move.
select t as object
from (values ('pgagent.pga_job'), ('cron.job'), ('dbms_scheduler.job')) as known (t)
where to_regclass(t) is not null
order by 1
