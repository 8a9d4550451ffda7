GRANT USAGE ON SCHEMA tovgov TO {role};
GRANT SELECT ON TABLE {tables} TO {role}
