-- PF092: an extension is not on the list of the target.
select name, setting
from pg_settings
where name = 'azure.extensions'
