-- Each partition that holds rows, with the table it is a part of in the end: deletes are captured by that table.
SELECT n.nspname || '.' || c.relname AS partition, rn.nspname || '.' || r.relname AS root
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_class AS r ON r.oid = pg_catalog.pg_partition_root(c.oid)
  JOIN pg_catalog.pg_namespace AS rn ON rn.oid = r.relnamespace
 WHERE c.relispartition AND c.relkind = 'r'
