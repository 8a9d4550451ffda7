SELECT pg_catalog.to_jsonb(t)::text FROM ONLY {table} t
