SELECT CASE WHEN s.setrole <> 0 THEN pg_catalog.pg_get_userbyid(s.setrole)::text END AS role,
       split_part(c.line, '=', 1) AS name,
       substr(c.line, strpos(c.line, '=') + 1) AS value
  FROM pg_catalog.pg_db_role_setting AS s
  JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase,
       LATERAL unnest(s.setconfig) AS c (line)
 WHERE d.datname = %s
 ORDER BY 1 NULLS FIRST, 2
