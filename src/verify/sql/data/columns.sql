-- Columns of what holds rows, each with the type that its values have beneath all domains, and whether floating point is inside.
with recursive held as (
  select c.oid, n.nspname, c.relname
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  where (c.relkind = 'r' or c.relkind = 'm' and c.relispopulated)
    and c.relpersistence <> 't'
    and {ours}
    and (c.oid, 'pg_class'::regclass) not in (select objid, classid from pg_depend where deptype = 'e')
), used as (
  select distinct a.atttypid as root from pg_attribute a join held h on h.oid = a.attrelid where a.attnum > 0 and not a.attisdropped
), base (root, oid) as (
  select root, root from used
  union all
  select b.root, t.typbasetype from base b join pg_type t on t.oid = b.oid where t.typtype = 'd'
), parts (root, oid) as (
  select root, root from used
  union
  select p.root, x.oid
  from parts p
  join pg_type t on t.oid = p.oid
  cross join lateral (
    select t.typbasetype as oid where t.typtype = 'd'
    union all
    select t.typelem where t.typelem <> 0 and t.typlen = -1
    union all
    select a.atttypid from pg_attribute a where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
    union all
    select r.rngsubtype from pg_range r where r.rngtypid = t.oid or to_jsonb(r) ->> 'rngmultitypid' = t.oid::text
  ) x
)
select h.nspname as schema, h.relname as name, a.attname as column,
       t.typname as type,
       n.nspname = 'pg_catalog' as builtin,
       t.typtype = 'e' as enum,
       a.atttypid = t.oid and a.atttypmod >= 0 as limited,
       exists (select 1 from parts p join pg_type f on f.oid = p.oid
               where p.root = a.atttypid and f.oid in ('float4'::regtype, 'float8'::regtype)) as floats,
       coalesce(to_jsonb(a) ->> 'attgenerated', '') <> '' as generated
from held h
join pg_attribute a on a.attrelid = h.oid and a.attnum > 0 and not a.attisdropped
join base b on b.root = a.atttypid
join pg_type t on t.oid = b.oid and t.typtype <> 'd'
join pg_namespace n on n.oid = t.typnamespace
order by h.nspname, h.relname, a.attnum
