SELECT 'pg_catalog.pg_operator'::pg_catalog.regclass, o.oid, 0, 'pg_catalog.pg_operator'::pg_catalog.regclass, o.oid,
       pg_catalog.concat_ws(
           ' ', o.oprcode::pg_catalog.regprocedure, pg_catalog.format_type(o.oprresult, NULL),
           'commutator ' || nullif(o.oprcom, 0)::pg_catalog.regoperator,
           'negator ' || nullif(o.oprnegate, 0)::pg_catalog.regoperator,
           'restrict ' || nullif(o.oprrest::oid, 0)::pg_catalog.regprocedure,
           'join ' || nullif(o.oprjoin::oid, 0)::pg_catalog.regprocedure,
           CASE WHEN o.oprcanhash THEN 'hashes' END, CASE WHEN o.oprcanmerge THEN 'merges' END)
  FROM pg_catalog.pg_operator AS o
 WHERE o.oid >= 16384
