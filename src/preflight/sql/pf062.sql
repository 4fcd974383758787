-- PF062: the user may not publish.
select has_database_privilege(current_database(), 'CREATE') as creates,
       (select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p') and {ours} and not pg_has_role(c.relowner, 'USAGE')) as foreign_tables
