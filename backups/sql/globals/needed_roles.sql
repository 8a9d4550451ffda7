-- Roles without which this database cannot be made again: owners, and those who were granted something in it or on it.
WITH here AS (SELECT oid, datdba, datacl FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
SELECT DISTINCT r.rolname::text AS name
  FROM here
  JOIN pg_catalog.pg_shdepend AS s
    ON s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
   AND (s.dbid = here.oid
        OR s.dbid = 0 AND s.classid = 'pg_catalog.pg_database'::pg_catalog.regclass AND s.objid = here.oid)
  JOIN pg_catalog.pg_roles AS r ON r.oid = s.refobjid
 WHERE r.rolname !~ '^pg_'
 ORDER BY 1
