-- Everything a role may hold a privilege on in this database, with its privileges in the order of the ACL.
WITH ours AS (
    SELECT n.oid, n.nspname, n.nspowner, n.nspacl
    FROM pg_catalog.pg_namespace n
    WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname NOT IN ('information_schema', 'tovgov')
      AND NOT EXISTS (
          SELECT FROM pg_catalog.pg_depend d
          WHERE d.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND d.objid = n.oid AND d.deptype = 'e')
), relation AS (
    SELECT c.oid, n.nspname, c.relname, c.relkind, c.relowner, c.relacl
    FROM pg_catalog.pg_class c
    JOIN ours n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relpersistence <> 't'
      AND NOT EXISTS (
          SELECT FROM pg_catalog.pg_depend d
          WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
), thing AS (
    SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, oid, 0 AS sub, nspname::text AS schema,
           relname::text AS name, '' AS detail, relowner AS owner,
           coalesce(relacl, pg_catalog.acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner)) AS acl
    FROM relation
    UNION ALL
    SELECT 'COLUMN', r.oid, a.attnum, r.nspname::text, r.relname::text, a.attname::text, r.relowner, a.attacl
    FROM relation r
    JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND NOT a.attisdropped AND a.attacl IS NOT NULL
    UNION ALL
    SELECT 'SCHEMA', oid, 0, nspname::text, '', '', nspowner, coalesce(nspacl, pg_catalog.acldefault('n', nspowner))
    FROM ours
    UNION ALL
    SELECT 'DATABASE', oid, 0, '', datname::text, '', datdba, coalesce(datacl, pg_catalog.acldefault('d', datdba))
    FROM pg_catalog.pg_database WHERE datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
    UNION ALL
    SELECT 'ROUTINE', p.oid, 0, n.nspname::text, p.proname::text, p.oid::pg_catalog.regprocedure::text, p.proowner,
           coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))
    FROM pg_catalog.pg_proc p
    JOIN ours n ON n.oid = p.pronamespace
    WHERE NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend d
        WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e')
    UNION ALL
    SELECT 'DEFAULT', d.oid, 0, coalesce(n.nspname::text, ''), d.defaclobjtype::text, '', d.defaclrole, d.defaclacl
    FROM pg_catalog.pg_default_acl d
    LEFT JOIN pg_catalog.pg_namespace n ON n.oid = d.defaclnamespace
    WHERE d.defaclobjtype IN ('r', 'S', 'f', 'n') AND coalesce(n.nspname, '') <> 'tovgov'
)
SELECT t.kind, t.oid::bigint AS oid, t.sub, t.schema, t.name, t.detail, pg_catalog.pg_get_userbyid(t.owner)::text AS owner,
       coalesce((
           SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(
               CASE e.grantee WHEN 0 THEN '' ELSE pg_catalog.pg_get_userbyid(e.grantee) END,
               pg_catalog.pg_get_userbyid(e.grantor), e.privilege_type, e.is_grantable) ORDER BY e.place)
           FROM pg_catalog.aclexplode(t.acl) WITH ORDINALITY AS e (grantor, grantee, privilege_type, is_grantable, place)
       ), '[]') AS entries
FROM thing t
ORDER BY t.kind DESC, t.schema, t.name, t.sub, t.detail
