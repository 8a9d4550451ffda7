-- The version that the operating system had when the collation was made is no matter of schema.
SELECT 'pg_catalog.pg_collation'::pg_catalog.regclass, c.oid, 0, 'pg_catalog.pg_collation'::pg_catalog.regclass, c.oid,
       (pg_catalog.to_jsonb(c) - ARRAY['oid', 'collnamespace', 'collowner', 'collversion'])::text
  FROM pg_catalog.pg_collation AS c
 WHERE c.oid >= 16384
