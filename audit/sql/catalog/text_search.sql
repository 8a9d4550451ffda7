SELECT 'pg_catalog.pg_ts_config'::pg_catalog.regclass, c.oid, 0, 'pg_catalog.pg_ts_config'::pg_catalog.regclass, c.oid,
       pg_catalog.concat_ws(
           ' ', p.prsnamespace::pg_catalog.regnamespace, p.prsname,
           (SELECT string_agg(m.maptokentype || ' ' || m.mapdict::pg_catalog.regdictionary, ', '
                              ORDER BY m.maptokentype, m.mapseqno)
              FROM pg_catalog.pg_ts_config_map AS m WHERE m.mapcfg = c.oid))
  FROM pg_catalog.pg_ts_config AS c
  JOIN pg_catalog.pg_ts_parser AS p ON p.oid = c.cfgparser
 WHERE c.oid >= 16384
UNION ALL
SELECT 'pg_catalog.pg_ts_dict'::pg_catalog.regclass, d.oid, 0, 'pg_catalog.pg_ts_dict'::pg_catalog.regclass, d.oid,
       pg_catalog.concat_ws(' ', t.tmplnamespace::pg_catalog.regnamespace, t.tmplname, d.dictinitoption)
  FROM pg_catalog.pg_ts_dict AS d
  JOIN pg_catalog.pg_ts_template AS t ON t.oid = d.dicttemplate
 WHERE d.oid >= 16384
UNION ALL
SELECT 'pg_catalog.pg_ts_parser'::pg_catalog.regclass, p.oid, 0, 'pg_catalog.pg_ts_parser'::pg_catalog.regclass, p.oid,
       pg_catalog.concat_ws(' ', p.prsstart, p.prstoken, p.prsend, p.prsheadline, p.prslextype)
  FROM pg_catalog.pg_ts_parser AS p
 WHERE p.oid >= 16384
UNION ALL
SELECT 'pg_catalog.pg_ts_template'::pg_catalog.regclass, t.oid, 0, 'pg_catalog.pg_ts_template'::pg_catalog.regclass, t.oid,
       pg_catalog.concat_ws(' ', t.tmplinit, t.tmpllexize)
  FROM pg_catalog.pg_ts_template AS t
 WHERE t.oid >= 16384
