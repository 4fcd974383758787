-- PF078: settings that change results differ.
select lower(name) as name, reset_val as value
from pg_settings
where lower(name) in ('timezone', 'datestyle', 'intervalstyle', 'lc_monetary', 'lc_numeric', 'lc_time', 'default_text_search_config',
                      'standard_conforming_strings', 'bytea_output')
order by 1
