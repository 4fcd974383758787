-- PF059: new transactions are read only.
select format('default_transaction_read_only = %s', reset_val) as object
from pg_settings
where name = 'default_transaction_read_only' and reset_val = 'on'
