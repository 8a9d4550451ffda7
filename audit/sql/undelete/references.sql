-- Foreign keys of these tables that the server enforces, a partition's own copies included. Temporal ones (18) and
-- MATCH FULL over several columns the server alone can judge. Each operator compares parent and child.
SELECT con.conrelid::bigint AS oid,
       con.conname::text AS name,
       con.confrelid::bigint AS parent,
       coalesce(pg_catalog.pg_partition_root(con.confrelid), con.confrelid)::bigint AS parent_root,
       pn.nspname::text AS parent_schema,
       p.relname::text AS parent_name,
       p.relkind::text AS parent_kind,
       po.rolname::text AS parent_owner,
       pg_catalog.pg_has_role(p.relowner, 'MEMBER') AND NOT (p.relforcerowsecurity AND p.relrowsecurity) AS can_be_parent_owner,
       pg_catalog.pg_has_role(p.relowner, 'MEMBER') AND p.relforcerowsecurity AND p.relrowsecurity AS is_forced,
       con.condeferrable AS is_deferrable,
       coalesce((pg_catalog.to_jsonb(con) ->> 'conperiod')::boolean, false)
           OR (con.confmatchtype = 'f' AND pg_catalog.cardinality(con.conkey) > 1) AS is_the_servers,
       ARRAY(SELECT a.attname::text FROM unnest(con.conkey) WITH ORDINALITY AS k (num, at)
               JOIN pg_catalog.pg_attribute AS a ON a.attrelid = con.conrelid AND a.attnum = k.num
              ORDER BY k.at) AS columns,
       ARRAY(SELECT a.attname::text FROM unnest(con.confkey) WITH ORDINALITY AS k (num, at)
               JOIN pg_catalog.pg_attribute AS a ON a.attrelid = con.confrelid AND a.attnum = k.num
              ORDER BY k.at) AS parent_columns,
       ARRAY(SELECT pg_catalog.format_type(a.atttypid, a.atttypmod)
               FROM unnest(con.confkey) WITH ORDINALITY AS k (num, at)
               JOIN pg_catalog.pg_attribute AS a ON a.attrelid = con.confrelid AND a.attnum = k.num
              ORDER BY k.at) AS parent_types,
       ARRAY(SELECT ARRAY[n.nspname::text, o.oprname::text] FROM unnest(con.conpfeqop) WITH ORDINALITY AS k (op, at)
               JOIN pg_catalog.pg_operator AS o ON o.oid = k.op
               JOIN pg_catalog.pg_namespace AS n ON n.oid = o.oprnamespace
              ORDER BY k.at) AS operators
  FROM pg_catalog.pg_constraint AS con
  JOIN pg_catalog.pg_class AS p ON p.oid = con.confrelid
  JOIN pg_catalog.pg_namespace AS pn ON pn.oid = p.relnamespace
  JOIN pg_catalog.pg_roles AS po ON po.oid = p.relowner
 WHERE con.contype = 'f'
   AND con.conrelid::bigint = ANY (%(oids)s::bigint[])
   AND (con.conparentid = 0 OR NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS up
                                            WHERE up.oid = con.conparentid AND up.conrelid = con.conrelid))
   AND coalesce((pg_catalog.to_jsonb(con) ->> 'conenforced')::boolean, true)
 ORDER BY con.conrelid, con.conname
