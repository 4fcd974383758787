-- What is rarer: collations, conversions, operators and their classes, casts, text search, event triggers, foreign servers, languages.
with mine as (select objid, classid from pg_depend where deptype = 'e'), others (classid, oid, schema, definition) as (
  select 'pg_collation'::regclass, oid, collnamespace, concat_ws(' ', collprovider, collcollate, collctype) from pg_collation
  union all
  select 'pg_conversion'::regclass, oid, connamespace, conproc::text from pg_conversion
  union all
  select 'pg_operator'::regclass, oid, oprnamespace, concat_ws(' ', oprcode, oprresult::regtype, nullif(oprcom, 0)::regoperator, nullif(oprnegate, 0)::regoperator) from pg_operator
  union all
  select 'pg_opclass'::regclass, oid, opcnamespace, concat_ws(' ', opcintype::regtype, opcdefault) from pg_opclass
  union all
  select 'pg_cast'::regclass, oid, null, concat_ws(' ', nullif(castfunc, 0)::regprocedure, castcontext, castmethod) from pg_cast
  union all
  select 'pg_ts_config'::regclass, c.oid, cfgnamespace,
         (select string_agg(concat_ws(' ', maptokentype, mapseqno, mapdict::regdictionary), ', ' order by maptokentype, mapseqno)
          from pg_ts_config_map m where m.mapcfg = c.oid) from pg_ts_config c
  union all
  select 'pg_ts_dict'::regclass, oid, dictnamespace, dictinitoption from pg_ts_dict
  union all
  select 'pg_event_trigger'::regclass, oid, null, concat_ws(' ', evtevent, evtfoid::regprocedure, evtenabled, evttags::text) from pg_event_trigger
  union all
  select 'pg_foreign_data_wrapper'::regclass, oid, null, fdwhandler::regproc::text from pg_foreign_data_wrapper
  union all
  select 'pg_foreign_server'::regclass, oid, null, concat_ws(' ', srvtype, srvversion) from pg_foreign_server
  union all
  select 'pg_language'::regclass, oid, null, concat_ws(' ', lanpltrusted) from pg_language
)
select i.type || ' ' || i.identity as identity, o.definition
from others o
left join pg_namespace n on n.oid = o.schema
cross join lateral pg_identify_object(o.classid, o.oid, 0) i
where o.oid >= 16384
  and (n.oid is null or {ours})
  and (o.oid, o.classid::oid) not in (select objid, classid from mine)
  and (o.oid, o.classid::oid) not in (select objid, classid from pg_depend where deptype = 'i')
