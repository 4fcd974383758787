-- Settles a session's manners and tells which version answers. Settings that this server does not know are left out;
-- a server on Windows refuses to watch for vanished clients.
select current_setting('server_version_num') as version,
       pg_backend_pid() as process,
       count(set_config(s.name, w.value, false)) as settled
from (values {wanted}) as w (name, value)
join pg_settings s on lower(s.name) = w.name
where w.name <> 'client_connection_check_interval' or version() !~* '(windows|mingw|visual c)'
