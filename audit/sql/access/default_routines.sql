-- Routines whose rights were never set: everybody may execute them.
SELECT count(*)
  FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
 WHERE p.proacl IS NULL AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
