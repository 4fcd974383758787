-- PF122: tables inherit from tables.
select format('%s from %s', i.inhrelid::regclass, i.inhparent::regclass) as object
from pg_inherits i
join pg_class p on p.oid = i.inhparent
where p.relkind = 'r'
order by 1
