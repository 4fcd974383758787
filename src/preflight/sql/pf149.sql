-- PF149: the target cannot be written to.
select reset_val = 'on' as read_only, pg_is_in_recovery() as standby
from pg_settings
where name = 'default_transaction_read_only'
