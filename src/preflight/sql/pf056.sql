-- PF056: timeouts would cut long copies.
select format('%s = %s %s', name, reset_val, unit) as object,
       format('ALTER ROLE %I SET %s = 0;', current_user, name) as fix
from pg_settings
where name in ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout',
               'transaction_timeout')
  and reset_val <> '0'
order by name
