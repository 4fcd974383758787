-- PF085: sequences are nearly spent.
select format('%I.%I: %s of %s', schemaname, sequencename, last_value, max_value) as object
from pg_sequences
where increment_by > 0 and not cycle and last_value >= max_value * 0.9
order by 1
