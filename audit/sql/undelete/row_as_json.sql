pg_catalog.to_json(t.*)::text
