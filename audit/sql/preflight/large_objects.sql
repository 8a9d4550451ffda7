-- Whoever owns a large object, or was granted SELECT on it, may read it; pg_read_all_data does not help.
SELECT count(*),
       count(*) FILTER (WHERE NOT (
           pg_catalog.current_setting('is_superuser') = 'on'
           OR pg_catalog.current_setting('lo_compat_privileges') = 'on'
           OR pg_catalog.pg_has_role(m.lomowner, 'USAGE')
           OR EXISTS (SELECT FROM pg_catalog.aclexplode(m.lomacl) AS a
                       WHERE a.privilege_type = 'SELECT'
                         AND (a.grantee = 0 OR pg_catalog.pg_has_role(a.grantee, 'USAGE')))))
  FROM pg_catalog.pg_largeobject_metadata AS m
