-- PF132: text search dictionaries need files.
select format('%s: %s', dictname, dictinitoption) as object
from pg_ts_dict
where oid >= 16384 and dictinitoption ~* '(dictfile|afffile|stopwords|synonyms|rules)'
order by 1
