pg_catalog.to_json({value})
