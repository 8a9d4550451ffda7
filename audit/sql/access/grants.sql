-- Who owns and who has which right: the database, schemas, relations, columns, and routines whose rights were set.
WITH objects AS (
    SELECT 'database' AS type, d.datname::text AS name, d.datdba AS owner,
           coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba)) AS acl
      FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()
    UNION ALL
    SELECT 'schema', n.nspname::text, n.nspowner, coalesce(n.nspacl, pg_catalog.acldefault('n', n.nspowner))
      FROM pg_catalog.pg_namespace AS n WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    UNION ALL
    SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table'
                          WHEN 'S' THEN 'sequence' ELSE 'table' END,
           n.nspname::text || '.' || c.relname::text, c.relowner,
           coalesce(c.relacl, pg_catalog.acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner))
      FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relpersistence <> 't'
       AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    UNION ALL
    SELECT 'column', n.nspname::text || '.' || c.relname::text || '.' || a.attname::text, c.relowner, a.attacl
      FROM pg_catalog.pg_attribute AS a
      JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE a.attacl IS NOT NULL AND NOT a.attisdropped AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    UNION ALL
    SELECT 'routine', n.nspname::text || '.' || p.proname::text || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')',
           p.proowner, p.proacl
      FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
     WHERE p.proacl IS NOT NULL AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
), rights AS (
    SELECT o.type, o.name, a.grantee, a.privilege_type || CASE WHEN bool_or(a.is_grantable) THEN ' (grantable)' ELSE '' END AS words
      FROM objects AS o, LATERAL pg_catalog.aclexplode(o.acl) AS a
     GROUP BY o.type, o.name, a.grantee, a.privilege_type
    UNION ALL
    SELECT o.type, o.name, o.owner, 'OWNER' FROM objects AS o WHERE o.type <> 'column'
)
SELECT CASE r.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(r.grantee)::text END AS role,
       r.type, r.name AS object, pg_catalog.string_agg(r.words, ', ' ORDER BY r.words <> 'OWNER', r.words) AS rights
  FROM rights AS r
 GROUP BY r.grantee, r.type, r.name
 ORDER BY r.type, r.name, 1
