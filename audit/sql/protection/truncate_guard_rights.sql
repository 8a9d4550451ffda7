GRANT USAGE ON SCHEMA {schema} TO tovgov_guard;
GRANT SELECT ON TABLE {table} TO tovgov_guard
