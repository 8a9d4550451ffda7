-- Columns that a new row must be given a value for, with what their values look like.
SELECT a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod), t.typcategory::text, t.typtype::text,
       (SELECT e.enumlabel::text FROM pg_catalog.pg_enum e WHERE e.enumtypid IN (t.oid, t.typbasetype) ORDER BY e.enumsortorder LIMIT 1)
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = {table} AND a.attnum > 0 AND NOT a.attisdropped
  AND a.attidentity = '' AND a.attgenerated = ''
  AND a.attnotnull AND NOT a.atthasdef
ORDER BY a.attnum
