-- Settings of the database and of roles in it, and how it writes and sorts text.
select concat_ws(' ', split_part(c, '=', 1), 'of', case when s.setrole <> 0 then 'role ' || quote_ident(pg_get_userbyid(s.setrole)) end,
                 case when s.setrole <> 0 and s.setdatabase <> 0 then 'in' end,
                 case when s.setdatabase <> 0 then 'the database' end) as identity,
       substr(c, strpos(c, '=') + 1) as value,
       null as expected,
       concat_ws(' ', 'alter', case when s.setrole <> 0 then 'role ' || quote_ident(pg_get_userbyid(s.setrole)) end,
                 case when s.setrole <> 0 and s.setdatabase <> 0 then 'in' end,
                 case when s.setdatabase <> 0 then 'database ' || quote_ident(current_database()) end,
                 'set', quote_ident(split_part(c, '=', 1)), 'to', quote_literal(substr(c, strpos(c, '=') + 1))) || ';' as make
from pg_db_role_setting s
cross join lateral unnest(s.setconfig) c
where (s.setdatabase = 0 or s.setdatabase = (select oid from pg_database where datname = current_database()))
  and (s.setrole = 0 or pg_get_userbyid(s.setrole) !~ '^(pg_|azure|rds|cloudsql|alloydb)')
union all
select 'encoding of the database', pg_encoding_to_char(encoding), null, null from pg_database where datname = current_database()
union all
select 'sorting of the database', concat_ws(' ', datcollate, datctype), 'values are compared without it; texts sort in another order', null
from pg_database where datname = current_database()
union all
select name || ' of the server', reset_val, 'it is a setting of the server, not of the database', null
from pg_settings
where name in ('TimeZone', 'DateStyle', 'IntervalStyle', 'default_text_search_config', 'default_transaction_isolation', 'lc_monetary',
               'lc_numeric', 'lc_time', 'session_replication_role', 'xmlbinary', 'max_connections')
