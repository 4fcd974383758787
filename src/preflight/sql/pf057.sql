-- PF057: the lock table is too small for a dump.
select current_setting('max_locks_per_transaction')::bigint
       * (current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int) as room,
       (select count(*) from pg_class where relkind in ('r', 'p', 'S', 'm', 'v', 'f') and oid >= 16384) as relations
