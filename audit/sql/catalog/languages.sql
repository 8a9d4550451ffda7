SELECT 'pg_catalog.pg_language'::pg_catalog.regclass, l.oid, 0, 'pg_catalog.pg_language'::pg_catalog.regclass, l.oid,
       pg_catalog.concat_ws(' ', l.lanpltrusted, l.lanplcallfoid::pg_catalog.regprocedure, l.laninline::pg_catalog.regprocedure,
                            l.lanvalidator::pg_catalog.regprocedure)
  FROM pg_catalog.pg_language AS l
 WHERE l.oid >= 16384
UNION ALL
SELECT 'pg_catalog.pg_am'::pg_catalog.regclass, a.oid, 0, 'pg_catalog.pg_am'::pg_catalog.regclass, a.oid,
       pg_catalog.concat_ws(' ', a.amtype, a.amhandler)
  FROM pg_catalog.pg_am AS a
 WHERE a.oid >= 16384
UNION ALL
SELECT 'pg_catalog.pg_transform'::pg_catalog.regclass, t.oid, 0, 'pg_catalog.pg_transform'::pg_catalog.regclass, t.oid,
       pg_catalog.concat_ws(' ', t.trffromsql, t.trftosql)
  FROM pg_catalog.pg_transform AS t
 WHERE t.oid >= 16384
