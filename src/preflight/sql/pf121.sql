-- PF121: new partitions are not replayed.
select format('%s, %s partitions', i.inhparent::regclass, count(*)) as object
from pg_inherits i
join pg_class p on p.oid = i.inhparent
join pg_class k on k.oid = i.inhrelid
where p.relkind = 'p' and k.relkind in ('r', 'p', 'f')
group by i.inhparent
order by 1
