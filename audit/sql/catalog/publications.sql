SELECT 'pg_catalog.pg_publication'::pg_catalog.regclass, p.oid, 0, 'pg_catalog.pg_publication'::pg_catalog.regclass, p.oid,
       (pg_catalog.to_jsonb(p) - ARRAY['oid', 'pubowner'])::text
  FROM pg_catalog.pg_publication AS p
UNION ALL
SELECT 'pg_catalog.pg_publication'::pg_catalog.regclass, p.oid, 0, 'pg_catalog.pg_publication'::pg_catalog.regclass, p.oid,
       pg_catalog.concat_ws(
           ' ', 'publishes', t.schemaname, t.tablename,
           ARRAY(SELECT a FROM pg_catalog.jsonb_array_elements_text(nullif(j.row -> 'attnames', 'null')) AS a ORDER BY a COLLATE "C")::text,
           'where ' || (j.row ->> 'rowfilter'))
  FROM pg_catalog.pg_publication AS p
  JOIN pg_catalog.pg_publication_tables AS t ON t.pubname = p.pubname,
       LATERAL (SELECT pg_catalog.to_jsonb(t)) AS j (row)
 WHERE NOT p.puballtables
