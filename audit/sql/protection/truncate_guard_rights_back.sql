REVOKE SELECT ON TABLE {table} FROM tovgov_guard;
REVOKE USAGE ON SCHEMA {schema} FROM tovgov_guard
