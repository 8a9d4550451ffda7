-- Ordinary tables and the leaves of partitioned ones: what holds rows of its own that a dump carries.
-- Left out: temporary and foreign tables, members of extensions, materialized views (a restore fills them anew).
-- Columns in the order of their names, because the order in a child table may change by dump and restore; without
-- generated columns, because a restore computes them.
-- The size of a table that somebody holds is the last known one: to measure it would wait for the lock.
WITH held AS MATERIALIZED (
    SELECT l.relation
      FROM pg_catalog.pg_locks AS l
      JOIN pg_catalog.pg_database AS d ON d.oid = l.database
     WHERE d.datname = pg_catalog.current_database() AND l.mode = 'AccessExclusiveLock' AND l.relation IS NOT NULL
)
SELECT n.nspname::text AS schema,
       c.relname::text AS name,
       CASE WHEN c.oid IN (SELECT relation FROM held) THEN c.relpages * 8192::bigint
            ELSE coalesce(pg_catalog.pg_table_size(c.oid), 0) END AS bytes,
       ARRAY(SELECT a.attname::text
               FROM pg_catalog.pg_attribute AS a
              WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
              ORDER BY a.attname) AS columns,
       coalesce(pg_catalog.has_schema_privilege(n.oid, 'USAGE')
                AND pg_catalog.has_table_privilege(c.oid, 'SELECT'), true) AS is_readable
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r'
   AND c.relpersistence IN ('p', 'u')
   AND n.nspname !~ '^pg_'
   AND n.nspname <> 'information_schema'
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                      AND d.objid = c.oid AND d.deptype = 'e')
 ORDER BY n.nspname, c.relname
