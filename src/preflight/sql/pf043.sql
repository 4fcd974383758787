-- PF043: pg_hba.conf has lines that do not work.
select format('line %s: %s', line_number, error) as object
from pg_hba_file_rules
where error is not null
order by line_number
