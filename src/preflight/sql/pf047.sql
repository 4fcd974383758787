-- PF047: a database cannot be entered.
select datname as name, datallowconn as allowed, datistemplate as template,
       has_database_privilege(oid, 'CONNECT') as enterable, pg_database_size(oid) as bytes,
       pg_encoding_to_char(encoding) as encoding, datcollate as collation, datctype as ctype
from pg_database
where has_database_privilege(oid, 'CONNECT')
union all
select datname, datallowconn, datistemplate, false, null, pg_encoding_to_char(encoding), datcollate, datctype
from pg_database
where not has_database_privilege(oid, 'CONNECT')
order by 1
