(SELECT pg_catalog.to_json(x.*)::text FROM (SELECT {columns} FROM pg_catalog.json_to_record(s.row) AS d ({definitions})) AS x)
