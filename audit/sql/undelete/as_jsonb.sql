pg_catalog.to_jsonb({value}) AS {name}
