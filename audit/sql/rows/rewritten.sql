-- Tables that got a new file after the snapshot was taken (TRUNCATE, a rewriting ALTER TABLE): to this snapshot
-- they look empty. pg_class is read through the snapshot, pg_relation_filenode() is not.
SELECT n.nspname::text, c.relname::text
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r'
   AND n.nspname !~ '^pg_'
   AND n.nspname <> 'information_schema'
   AND c.relfilenode <> pg_catalog.pg_relation_filenode(c.oid)
