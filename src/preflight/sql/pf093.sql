-- PF093: an extension needs a library that is not loaded.
select setting
from pg_settings
where name = 'shared_preload_libraries'
