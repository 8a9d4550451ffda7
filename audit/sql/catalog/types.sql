-- Enums, domains, ranges and base types; the attributes of composite types are among the columns, checks of domains
-- among the constraints. Array and multirange types follow from theirs.
SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, t.oid, 0, 'pg_catalog.pg_type'::pg_catalog.regclass, t.oid,
       CASE t.typtype
       WHEN 'e' THEN 'enum ' || ARRAY(SELECT e.enumlabel::text FROM pg_catalog.pg_enum AS e
                                       WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder)::text
       WHEN 'd' THEN pg_catalog.concat_ws(
           ' ', 'domain over', pg_catalog.format_type(t.typbasetype, t.typtypmod),
           CASE WHEN t.typcollation <> b.typcollation THEN 'collate ' || t.typcollation::pg_catalog.regcollation END,
           CASE WHEN t.typnotnull THEN 'not null' END, 'default ' || t.typdefault)
       WHEN 'r' THEN pg_catalog.concat_ws(
           ' ', 'range of', pg_catalog.format_type(r.rngsubtype, NULL),
           'collate ' || nullif(r.rngcollation, 0)::pg_catalog.regcollation,
           'operator class ' || (SELECT o.opcnamespace::pg_catalog.regnamespace || '.' || o.opcname
                                   FROM pg_catalog.pg_opclass AS o WHERE o.oid = r.rngsubopc),
           'canonical ' || nullif(r.rngcanonical::oid, 0)::pg_catalog.regprocedure,
           'difference ' || nullif(r.rngsubdiff::oid, 0)::pg_catalog.regprocedure,
           'multirange ' || pg_catalog.format_type((pg_catalog.to_jsonb(r) ->> 'rngmultitypid')::oid, NULL))
       WHEN 'c' THEN 'composite'
       WHEN 'b' THEN pg_catalog.concat_ws(
           ' ', 'base', t.typinput, t.typoutput, t.typreceive, t.typsend, t.typmodin, t.typmodout, t.typanalyze,
           t.typlen, t.typbyval, t.typalign, t.typstorage, t.typcategory, t.typispreferred, t.typdelim, t.typdefault,
           t.typcollation <> 0)
       ELSE 'shell' END
  FROM pg_catalog.pg_type AS t
  JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
  LEFT JOIN pg_catalog.pg_type AS b ON b.oid = t.typbasetype
  LEFT JOIN pg_catalog.pg_range AS r ON r.rngtypid = t.oid
 WHERE t.typtype IN ('e', 'd', 'r', 'c', 'b', 'p')
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_type AS e WHERE e.typarray = t.oid)
   AND (t.typrelid = 0 OR EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = t.typrelid AND c.relkind = 'c'))
   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
