-- An ACL that was never touched is the default one: CONNECT and TEMPORARY to PUBLIC, everything to the owner.
-- The grantee 0 is PUBLIC and stands as NULL. Several grantors of one right count as one grant.
SELECT CASE WHEN a.grantee <> 0 THEN pg_catalog.pg_get_userbyid(a.grantee)::text END AS grantee,
       a.privilege_type AS privilege,
       bool_or(a.is_grantable) AS is_grantable
  FROM pg_catalog.pg_database AS d,
       LATERAL pg_catalog.aclexplode(coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))) AS a
 WHERE d.datname = %s
 GROUP BY 1, 2
 ORDER BY 1 NULLS FIRST, 2
