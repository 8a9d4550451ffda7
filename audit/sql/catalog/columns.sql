-- The place of a column is told by counting, because attnum has holes where columns were dropped. It is not told of a
-- child table: a dump puts the columns of its parents first.
SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, c.oid, a.attnum, 'pg_catalog.pg_class'::pg_catalog.regclass, c.oid,
       pg_catalog.concat_ws(
           ' ',
           CASE WHEN c.relispartition OR NOT EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = c.oid)
                THEN (SELECT count(*) FROM pg_catalog.pg_attribute AS b
                       WHERE b.attrelid = c.oid AND b.attnum BETWEEN 1 AND a.attnum AND NOT b.attisdropped) END,
           pg_catalog.format_type(a.atttypid, a.atttypmod),
           CASE WHEN a.attcollation <> t.typcollation THEN 'collate ' || a.attcollation::pg_catalog.regcollation END,
           CASE WHEN a.attnotnull THEN 'not null' END,
           CASE a.attidentity WHEN 'a' THEN 'identity always' WHEN 'd' THEN 'identity by default' END,
           (CASE a.attgenerated WHEN 's' THEN 'generated stored ' WHEN 'v' THEN 'generated virtual ' ELSE 'default ' END)
           || pg_catalog.pg_get_expr(d.adbin, d.adrelid),
           CASE WHEN a.attstorage <> t.typstorage THEN 'storage ' || a.attstorage::text END,
           'compression ' || nullif(pg_catalog.to_jsonb(a) ->> 'attcompression', ''),
           'statistics ' || nullif(a.attstattarget, -1)::text,
           'with ' || nullif(ARRAY(SELECT o FROM unnest(a.attoptions) AS o ORDER BY o COLLATE "C")::text, '{}'),
           'options ' || nullif(ARRAY(SELECT o FROM unnest(a.attfdwoptions) AS o ORDER BY o COLLATE "C")::text, '{}'))
  FROM pg_catalog.pg_attribute AS a
  JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
  LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')
   AND a.attnum > 0 AND NOT a.attisdropped
   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
