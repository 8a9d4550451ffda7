-- What ALTER DATABASE … SET says, for every role.
SELECT pg_catalog.split_part(c, '=', 2)
FROM pg_catalog.pg_db_role_setting s
JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) s.setdatabase
CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) c
WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database() AND s.setrole OPERATOR(pg_catalog.=) 0::oid
  AND c LIKE 'log\_statement=%'
