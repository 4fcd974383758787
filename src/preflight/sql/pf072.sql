-- PF072: passwords are kept as md5.
select rolname as object
from pg_authid
where rolpassword like 'md5%'
order by 1
