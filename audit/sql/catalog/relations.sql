-- Tables, partitioned tables, views, materialized and foreign tables. Where a table's rows lie (tablespace) is told
-- with its owner; whether a materialized view is filled is no matter of schema.
SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, c.oid, 0, 'pg_catalog.pg_class'::pg_catalog.regclass, c.oid,
       pg_catalog.concat_ws(
           ' ',
           CASE c.relpersistence WHEN 'u' THEN 'unlogged' END,
           'access method ' || am.amname,
           'of type ' || nullif(c.reloftype, 0)::pg_catalog.regtype,
           'partitioned by ' || pg_catalog.pg_get_partkeydef(c.oid),
           (SELECT (CASE WHEN c.relispartition THEN 'partition of ' ELSE 'inherits ' END)
                   || string_agg(i.inhparent::pg_catalog.regclass::text, ', ' ORDER BY i.inhseqno)
              FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = c.oid),
           pg_catalog.pg_get_expr(c.relpartbound, c.oid),
           'with ' || nullif(ARRAY(SELECT o FROM unnest(c.reloptions) AS o ORDER BY o COLLATE "C")::text, '{}'),
           'toast with ' || nullif(ARRAY(SELECT o FROM unnest(t.reloptions) AS o ORDER BY o COLLATE "C")::text, '{}'),
           CASE WHEN c.relrowsecurity THEN 'row security' END,
           CASE WHEN c.relforcerowsecurity THEN 'forced' END,
           CASE c.relreplident
                WHEN 'n' THEN CASE WHEN c.relkind IN ('r', 'p') THEN 'replica identity nothing' END
                WHEN 'f' THEN 'replica identity full'
                WHEN 'i' THEN 'replica identity ' || (
                    SELECT x.indexrelid::pg_catalog.regclass::text FROM pg_catalog.pg_index AS x
                     WHERE x.indrelid = c.oid AND x.indisreplident) END,
           'server ' || s.srvname || ' ' || ARRAY(SELECT o FROM unnest(f.ftoptions) AS o ORDER BY o COLLATE "C")::text,
           CASE WHEN c.relkind IN ('v', 'm') THEN 'as ' || pg_catalog.pg_get_viewdef(c.oid) END)
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_am AS am ON am.oid = c.relam
  LEFT JOIN pg_catalog.pg_class AS t ON t.oid = c.reltoastrelid
  LEFT JOIN pg_catalog.pg_foreign_table AS f ON f.ftrelid = c.oid
  LEFT JOIN pg_catalog.pg_foreign_server AS s ON s.oid = f.ftserver
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
