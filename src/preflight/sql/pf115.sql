-- PF115: md5() is used in definitions.
select format('index %s', i.indexrelid::regclass) as object
from pg_index i
where i.indexrelid >= 16384 and pg_get_indexdef(i.indexrelid) ~* '\mmd5\('
union all
select format('default of %s', d.adrelid::regclass)
from pg_attrdef d
where pg_get_expr(d.adbin, d.adrelid) ~* '\mmd5\('
union all
select format('constraint %I', conname)
from pg_constraint
where oid >= 16384 and pg_get_constraintdef(oid) ~* '\mmd5\('
union all
select format('function %s', p.oid::regprocedure)
from pg_proc p
where p.oid >= 16384 and p.prosrc ~* '\m(md5\s*\(|digest\s*\([^)]*''md5'')'
order by 1
