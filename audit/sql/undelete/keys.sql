-- Unique indexes over plain columns, the primary key first. What else is unique (an expression, a part of the rows, an
-- exclusion) the server itself checks when the rows are put in. The operators are the index's own, with their schema:
-- no search_path decides what "equal" means.
SELECT i.indrelid::bigint AS oid,
       x.relname::text AS name,
       i.indisprimary AS is_primary,
       NOT i.indimmediate AS is_deferrable,
       ARRAY(SELECT a.attname::text
               FROM pg_catalog.generate_series(1, i.indnkeyatts) AS k
               JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k - 1]
              ORDER BY k) AS columns,
       ARRAY(SELECT ARRAY[n.nspname::text, o.oprname::text]
               FROM pg_catalog.generate_series(1, i.indnkeyatts) AS k
               JOIN pg_catalog.pg_opclass AS oc ON oc.oid = i.indclass[k - 1]
               JOIN pg_catalog.pg_amop AS am
                 ON am.amopfamily = oc.opcfamily AND am.amoplefttype = oc.opcintype
                AND am.amoprighttype = oc.opcintype AND am.amopstrategy = 3
               JOIN pg_catalog.pg_operator AS o ON o.oid = am.amopopr
               JOIN pg_catalog.pg_namespace AS n ON n.oid = o.oprnamespace
              ORDER BY k) AS operators,
       coalesce((pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false) AS nulls_are_equal
  FROM pg_catalog.pg_index AS i
  JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
 WHERE i.indrelid::bigint = ANY (%(oids)s::bigint[])
   AND i.indisunique AND i.indisvalid AND NOT i.indisexclusion
   AND i.indpred IS NULL AND i.indexprs IS NULL
 ORDER BY i.indrelid, NOT i.indisprimary, x.relname
