ALTER SCHEMA {schema} OWNER TO {new};
GRANT USAGE ON SCHEMA {schema} TO {old}
