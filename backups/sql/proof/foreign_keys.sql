-- The foreign keys that are said to hold. A partitioned table's key covers its partitions.
SELECT c.conname::text,
       n.nspname::text, t.relname::text, t.relkind = 'p',
       rn.nspname::text, r.relname::text, r.relkind = 'p',
       c.confmatchtype = 'f' AS is_full,
       coalesce((pg_catalog.to_jsonb(c) ->> 'conperiod')::boolean, false) AS is_period,
       (SELECT array_agg(a.attname::text ORDER BY k.place)
          FROM unnest(c.conkey) WITH ORDINALITY AS k (number, place)
          JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.number),
       (SELECT array_agg(a.attname::text ORDER BY k.place)
          FROM unnest(c.confkey) WITH ORDINALITY AS k (number, place)
          JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.confrelid AND a.attnum = k.number),
       (SELECT array_agg(o.oprname::text ORDER BY k.place)
          FROM unnest(c.conpfeqop) WITH ORDINALITY AS k (number, place)
          JOIN pg_catalog.pg_operator AS o ON o.oid = k.number),
       (SELECT array_agg(s.nspname::text ORDER BY k.place)
          FROM unnest(c.conpfeqop) WITH ORDINALITY AS k (number, place)
          JOIN pg_catalog.pg_operator AS o ON o.oid = k.number
          JOIN pg_catalog.pg_namespace AS s ON s.oid = o.oprnamespace)
  FROM pg_catalog.pg_constraint AS c
  JOIN pg_catalog.pg_class AS t ON t.oid = c.conrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
  JOIN pg_catalog.pg_class AS r ON r.oid = c.confrelid
  JOIN pg_catalog.pg_namespace AS rn ON rn.oid = r.relnamespace
 WHERE c.contype = 'f'
   AND c.conparentid = 0
   AND c.convalidated
 ORDER BY n.nspname, t.relname, c.conname
