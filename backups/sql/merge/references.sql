-- Foreign keys as declared (not their copies on partitions), enforced ones only, and not the temporal ones of
-- PostgreSQL 18, which the server checks when the rows are inserted. Each operator compares parent and child.
SELECT con.conname::text AS name,
       con.conrelid::bigint AS child,
       con.confrelid::bigint AS parent,
       con.condeferrable AS is_deferrable,
       ARRAY(SELECT a.attname::text FROM unnest(con.conkey) WITH ORDINALITY AS k (num, at)
               JOIN pg_catalog.pg_attribute AS a ON a.attrelid = con.conrelid AND a.attnum = k.num
              ORDER BY k.at) AS columns,
       ARRAY(SELECT a.attname::text FROM unnest(con.confkey) WITH ORDINALITY AS k (num, at)
               JOIN pg_catalog.pg_attribute AS a ON a.attrelid = con.confrelid AND a.attnum = k.num
              ORDER BY k.at) AS parent_columns,
       ARRAY(SELECT ARRAY[n.nspname::text, o.oprname::text] FROM unnest(con.conpfeqop) WITH ORDINALITY AS k (op, at)
               JOIN pg_catalog.pg_operator AS o ON o.oid = k.op
               JOIN pg_catalog.pg_namespace AS n ON n.oid = o.oprnamespace
              ORDER BY k.at) AS operators
  FROM pg_catalog.pg_constraint AS con
 WHERE con.contype = 'f'
   AND con.conparentid = 0
   AND coalesce((pg_catalog.to_jsonb(con) ->> 'conenforced')::boolean, true)
   AND NOT coalesce((pg_catalog.to_jsonb(con) ->> 'conperiod')::boolean, false)
 ORDER BY con.conname
