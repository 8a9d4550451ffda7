-- Whose each object is, where it lies and who has which right. Rights that were never touched are spelled out.
SELECT i.type || ' ' || i.identity,
       pg_catalog.concat_ws(
           ' ', pg_catalog.pg_get_userbyid(q.owner),
           'in ' || (SELECT s.spcname FROM pg_catalog.pg_tablespace AS s WHERE s.oid = q.tablespace),
           (SELECT string_agg(pg_catalog.concat_ws(
                       ' ', a.privilege_type, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(a.grantee)::text END,
                       CASE WHEN a.is_grantable THEN 'grantable' END), ', '
                       ORDER BY pg_catalog.pg_get_userbyid(a.grantee)::text COLLATE "C", a.privilege_type COLLATE "C")
              FROM (SELECT e.grantee, e.privilege_type, bool_or(e.is_grantable) AS is_grantable
                      FROM pg_catalog.aclexplode(coalesce(q.acl, pg_catalog.acldefault(q.kind, q.owner))) AS e
                     GROUP BY e.grantee, e.privilege_type) AS a))
  FROM (SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::oid, c.oid, 0, c.relowner, c.reltablespace, c.relacl,
               (CASE c.relkind WHEN 'S' THEN 's' WHEN 'i' THEN NULL WHEN 'I' THEN NULL ELSE 'r' END)::"char"
          FROM pg_catalog.pg_class AS c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'i', 'I') AND c.relpersistence <> 't'
        UNION ALL
        SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, c.oid, a.attnum, c.relowner, 0, a.attacl, 'c'
          FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
         WHERE a.attacl IS NOT NULL AND NOT a.attisdropped
        UNION ALL
        SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, oid, 0, proowner, 0, proacl, 'f' FROM pg_catalog.pg_proc
        UNION ALL
        SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, oid, 0, typowner, 0, typacl, 'T' FROM pg_catalog.pg_type AS t
         WHERE t.typtype IN ('e', 'd', 'r', 'b', 'c') AND t.typcategory <> 'A'
           AND (t.typrelid = 0 OR EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = t.typrelid AND c.relkind = 'c'))
        UNION ALL
        SELECT 'pg_catalog.pg_namespace'::pg_catalog.regclass, oid, 0, nspowner, 0, nspacl, 'n' FROM pg_catalog.pg_namespace
         WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
        UNION ALL
        SELECT 'pg_catalog.pg_language'::pg_catalog.regclass, oid, 0, lanowner, 0, lanacl, 'l' FROM pg_catalog.pg_language
        UNION ALL
        SELECT 'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass, oid, 0, fdwowner, 0, fdwacl, 'F'
          FROM pg_catalog.pg_foreign_data_wrapper
        UNION ALL
        SELECT 'pg_catalog.pg_foreign_server'::pg_catalog.regclass, oid, 0, srvowner, 0, srvacl, 'S' FROM pg_catalog.pg_foreign_server
       ) AS q (class, object, sub, owner, tablespace, acl, kind),
       LATERAL pg_catalog.pg_identify_object(q.class, q.object, q.sub) AS i
 WHERE (q.object >= 16384 OR q.class = 'pg_catalog.pg_namespace'::pg_catalog.regclass)
   AND coalesce(i.schema, '') !~ '^pg_'
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                    WHERE d.classid = q.class AND d.objid = q.object AND d.deptype = 'e')
