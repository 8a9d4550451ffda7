pg_catalog.to_jsonb({value})::pg_catalog.json
