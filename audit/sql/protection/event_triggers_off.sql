-- Where event triggers are switched off beyond one session (PostgreSQL 17 and later): for whom, and what mends it.
SELECT pg_catalog.concat_ws(' and ', 'database ' || d.datname, 'role ' || r.rolname)
FROM pg_catalog.pg_db_role_setting s
LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c (setting)
WHERE c.setting ~* '^event_triggers=(off|false|no|0|of|f|fa|fal|fals|n)$'
  AND (s.setdatabase OPERATOR(pg_catalog.=) 0 OR d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
UNION ALL
SELECT 'this server' WHERE EXISTS (
    SELECT FROM pg_catalog.pg_settings p
    WHERE p.name = 'event_triggers' AND p.setting = 'off' AND p.source IN ('configuration file', 'command line')
)
