-- Unique indexes and exclusion constraints (``columns`` is shorter than ``expressions`` where one is no bare column). The operators are the index's own, with their schema: no search_path
-- decides what "equal" means (citext, nondeterministic collations, ranges that must not overlap).
SELECT i.indrelid::bigint AS oid,
       x.relname::text AS name,
       i.indisprimary AS is_primary,
       ARRAY(SELECT pg_catalog.pg_get_indexdef(i.indexrelid, k::int, false)
               FROM pg_catalog.generate_series(1, i.indnkeyatts) AS k ORDER BY k) AS expressions,
       ARRAY(SELECT ARRAY[on_.nspname::text, o.oprname::text]
               FROM pg_catalog.generate_series(1, i.indnkeyatts) AS k
               LEFT JOIN pg_catalog.pg_opclass AS oc ON oc.oid = i.indclass[k - 1]
               LEFT JOIN pg_catalog.pg_amop AS am
                 ON am.amopfamily = oc.opcfamily AND am.amoplefttype = oc.opcintype
                AND am.amoprighttype = oc.opcintype AND am.amopstrategy = 3
               JOIN pg_catalog.pg_operator AS o ON o.oid = coalesce(con.conexclop[k], am.amopopr)
               JOIN pg_catalog.pg_namespace AS on_ ON on_.oid = o.oprnamespace
              ORDER BY k) AS operators,
       ARRAY(SELECT a.attname::text
               FROM pg_catalog.generate_series(1, i.indnkeyatts) AS k
               JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k - 1]
              ORDER BY k) AS columns,
       pg_catalog.pg_get_expr(i.indpred, i.indrelid) AS predicate,
       coalesce((pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false) AS nulls_are_equal
  FROM pg_catalog.pg_index AS i
  JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
  JOIN pg_catalog.pg_class AS c ON c.oid = i.indrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_constraint AS con ON con.conindid = i.indexrelid AND con.contype IN ('p', 'u', 'x')
 WHERE (i.indisunique OR i.indisexclusion) AND i.indisvalid
   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
 ORDER BY i.indrelid, NOT i.indisprimary, x.relname
