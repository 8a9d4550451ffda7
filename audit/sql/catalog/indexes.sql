-- An index that is not valid (CREATE INDEX CONCURRENTLY failed) is not dumped and not told.
SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, c.oid, 0, 'pg_catalog.pg_class'::pg_catalog.regclass, i.indrelid,
       pg_catalog.concat_ws(
           ' ',
           pg_catalog.pg_get_indexdef(c.oid),
           CASE WHEN i.indisclustered THEN 'clustered' END,
           'partition of ' || (SELECT h.inhparent::pg_catalog.regclass FROM pg_catalog.pg_inherits AS h
                                WHERE h.inhrelid = c.oid),
           'statistics ' || (SELECT string_agg(a.attnum || ':' || a.attstattarget, ' ' ORDER BY a.attnum)
                               FROM pg_catalog.pg_attribute AS a
                              WHERE a.attrelid = c.oid AND a.attstattarget >= 0))
  FROM pg_catalog.pg_index AS i
  JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE (i.indisvalid OR c.relkind = 'I')
   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
