-- Functions, procedures and aggregates, by their arguments.
select p.oid::regprocedure::text as identity,
       case when a.aggfnoid is null then pg_get_functiondef(p.oid)
            else concat_ws(' ', pg_get_function_result(p.oid), a.aggkind, a.aggtransfn::regprocedure, a.aggtranstype::regtype,
                           nullif(a.aggfinalfn, 0)::regprocedure, nullif(a.aggcombinefn, 0)::regprocedure, a.agginitval,
                           nullif(a.aggmtransfn, 0)::regprocedure, nullif(a.aggminvtransfn, 0)::regprocedure, a.aggsortop::regoperator)
       end as definition,
       case when a.aggfnoid is null then pg_get_functiondef(p.oid) || ';' end as make
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
left join pg_aggregate a on a.aggfnoid = p.oid
where {ours}
  and (p.oid, 'pg_proc'::regclass) not in (select objid, classid from pg_depend where deptype in ('e', 'i'))
