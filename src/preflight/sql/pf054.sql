-- PF054: few worker processes are allowed.
select current_setting('max_worker_processes')::int as allowed
