-- Enums, domains, ranges and base types. The parts of a composite type are columns, the checks of a domain constraints.
select t.oid::regtype::text as identity,
       case t.typtype when 'e' then 'enum' when 'd' then 'domain' when 'r' then 'range' else 'base' end as kind,
       (select string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid) as labels,
       case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) end as base,
       case when t.typtype = 'd' then t.typdefault end as "default",
       case when t.typtype = 'd' then t.typnotnull end as "not null",
       (select concat_ws(' ', r.rngsubtype::regtype, nullif(r.rngcanonical, 0)::regprocedure, nullif(r.rngsubdiff, 0)::regprocedure)
        from pg_range r where r.rngtypid = t.oid) as "range of"
from pg_type t
join pg_namespace n on n.oid = t.typnamespace
where (t.typtype in ('e', 'd', 'r') or t.typtype = 'b' and t.typelem = 0)
  and {ours}
  and (t.oid, 'pg_type'::regclass) not in (select objid, classid from pg_depend where deptype = 'e')
