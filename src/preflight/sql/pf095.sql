-- PF095: an extension is older on the target.
select name, version
from pg_available_extension_versions
order by 1, 2
