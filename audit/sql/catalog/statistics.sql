SELECT 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass, s.oid, 0, 'pg_catalog.pg_class'::pg_catalog.regclass, s.stxrelid,
       pg_catalog.concat_ws(' ', pg_catalog.pg_get_statisticsobjdef(s.oid), 'target ' || nullif(s.stxstattarget, -1))
  FROM pg_catalog.pg_statistic_ext AS s
