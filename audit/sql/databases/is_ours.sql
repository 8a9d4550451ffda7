-- Whether the role may drop the database: its owner, a member of its owner, a superuser.
SELECT pg_catalog.pg_has_role(datdba, 'USAGE') FROM pg_catalog.pg_database WHERE datname = %s
