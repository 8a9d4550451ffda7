-- What a table only inherited is left out: it follows from its parent. A restore makes the names of foreign keys of
-- partitions anew, and whether a check of a child is valid. NOT NULL became a constraint with 18.
SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, k.oid, 0,
       CASE WHEN k.conrelid <> 0 THEN 'pg_catalog.pg_class' ELSE 'pg_catalog.pg_type' END::pg_catalog.regclass,
       CASE WHEN k.conrelid <> 0 THEN k.conrelid ELSE k.contypid END,
       pg_catalog.pg_get_constraintdef(k.oid)
  FROM pg_catalog.pg_constraint AS k
  JOIN pg_catalog.pg_namespace AS n ON n.oid = k.connamespace
 WHERE k.contype <> 't'
   AND NOT (k.contype = 'f' AND k.conparentid <> 0)
   AND (k.conislocal OR k.contype NOT IN ('c', 'n'))
   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
