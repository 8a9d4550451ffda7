GRANT USAGE ON SCHEMA {schema} TO {application};
GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO {application};
GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {application}
