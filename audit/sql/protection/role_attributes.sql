SELECT rolname::text AS name, rolsuper AS "SUPERUSER", rolcreatedb AS "CREATEDB", rolcreaterole AS "CREATEROLE",
       rolreplication AS "REPLICATION", rolbypassrls AS "BYPASSRLS"
FROM pg_catalog.pg_roles
