-- PF058: dead connections are noticed late.
select name, setting::int as setting
from pg_settings
where name in ('tcp_keepalives_idle', 'tcp_keepalives_interval', 'tcp_keepalives_count')
