-- Extensions that only a superuser can make anew.
SELECT e.extname::text
  FROM pg_catalog.pg_extension AS e
  JOIN pg_catalog.pg_available_extension_versions AS v ON v.name = e.extname AND v.version = e.extversion
 WHERE v.superuser AND NOT v.trusted
 ORDER BY 1
