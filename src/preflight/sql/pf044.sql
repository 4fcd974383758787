-- PF044: the source is a standby.
select pg_is_in_recovery() as standby
