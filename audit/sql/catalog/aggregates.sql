SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, p.oid, 0, 'pg_catalog.pg_proc'::pg_catalog.regclass, p.oid,
       pg_catalog.concat_ws(
           ' ', pg_catalog.pg_get_function_arguments(p.oid), 'returns', pg_catalog.pg_get_function_result(p.oid),
           'kind', a.aggkind, a.aggnumdirectargs, 'parallel', p.proparallel,
           'state', a.aggtransfn::pg_catalog.regprocedure, pg_catalog.format_type(a.aggtranstype, NULL), a.aggtransspace,
           'starts ' || a.agginitval,
           'final ' || nullif(a.aggfinalfn::oid, 0)::pg_catalog.regprocedure, a.aggfinalextra, a.aggfinalmodify,
           'combine ' || nullif(a.aggcombinefn::oid, 0)::pg_catalog.regprocedure,
           'serial ' || nullif(a.aggserialfn::oid, 0)::pg_catalog.regprocedure,
           'deserial ' || nullif(a.aggdeserialfn::oid, 0)::pg_catalog.regprocedure,
           'moving ' || nullif(a.aggmtransfn::oid, 0)::pg_catalog.regprocedure
               || ' ' || pg_catalog.format_type(nullif(a.aggmtranstype, 0), NULL) || ' ' || a.aggmtransspace
               || ' ' || a.aggminvtransfn::pg_catalog.regprocedure || ' ' || coalesce(a.aggminitval, ''),
           'moving final ' || nullif(a.aggmfinalfn::oid, 0)::pg_catalog.regprocedure, a.aggmfinalextra, a.aggmfinalmodify,
           'sort ' || nullif(a.aggsortop, 0)::pg_catalog.regoperator)
  FROM pg_catalog.pg_aggregate AS a
  JOIN pg_catalog.pg_proc AS p ON p.oid = a.aggfnoid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
