(SELECT pg_catalog.to_json(x.*)::text FROM (SELECT {columns}) AS x)
