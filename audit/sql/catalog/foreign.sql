-- Of user mappings only that they are there: their options hold passwords.
SELECT 'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass, w.oid, 0,
       'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass, w.oid,
       pg_catalog.concat_ws(' ', nullif(w.fdwhandler, 0)::pg_catalog.regprocedure, nullif(w.fdwvalidator, 0)::pg_catalog.regprocedure,
                            ARRAY(SELECT o FROM unnest(w.fdwoptions) AS o ORDER BY o COLLATE "C")::text)
  FROM pg_catalog.pg_foreign_data_wrapper AS w
 WHERE w.oid >= 16384
UNION ALL
SELECT 'pg_catalog.pg_foreign_server'::pg_catalog.regclass, s.oid, 0, 'pg_catalog.pg_foreign_server'::pg_catalog.regclass, s.oid,
       pg_catalog.concat_ws(' ', w.fdwname, s.srvtype, s.srvversion,
                            ARRAY(SELECT o FROM unnest(s.srvoptions) AS o ORDER BY o COLLATE "C")::text)
  FROM pg_catalog.pg_foreign_server AS s
  JOIN pg_catalog.pg_foreign_data_wrapper AS w ON w.oid = s.srvfdw
UNION ALL
SELECT 'pg_catalog.pg_foreign_server'::pg_catalog.regclass, m.srvid, 0, 'pg_catalog.pg_foreign_server'::pg_catalog.regclass, m.srvid,
       'user mapping for ' || m.usename
  FROM pg_catalog.pg_user_mappings AS m
