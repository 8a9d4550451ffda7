SELECT r.masked_columns::text[], e.value::jsonb::text
FROM tovgov.delete_audit_record r CROSS JOIN LATERAL pg_catalog.json_array_elements(r.rows) AS e
