SELECT d.oid::bigint, d.datallowconn, d.datistemplate, pg_catalog.pg_get_userbyid(d.datdba)::text, d.datacl::text
FROM pg_catalog.pg_database d WHERE d.datname = {database}
