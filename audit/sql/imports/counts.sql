-- What PostgreSQL itself has counted as deleted, by table; tovgov's own tables are left out.
SELECT c.oid::bigint AS oid, n.nspname || '.' || c.relname AS label,
       coalesce(pg_catalog.pg_stat_get_tuples_deleted(c.oid), 0) AS deleted,
       ARRAY(SELECT i.inhparent::bigint FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = c.oid) AS parents
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
   AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'tovgov')
