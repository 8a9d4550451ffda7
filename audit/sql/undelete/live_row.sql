SELECT {deleted}, {live}
  FROM (SELECT {row}::pg_catalog.json AS row) AS s
 CROSS JOIN LATERAL pg_catalog.json_to_record(s.row) AS r ({definitions})
  JOIN {source} AS t ON {match}
 LIMIT 1
