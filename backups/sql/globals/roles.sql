-- pg_roles, not pg_authid: every role may read it, and it shows no password.
SELECT rolname::text AS name, rolsuper AS is_superuser, rolinherit AS inherits, rolcreaterole AS may_create_roles,
       rolcreatedb AS may_create_databases, rolcanlogin AS may_login, rolreplication AS may_replicate,
       rolbypassrls AS bypasses_row_security, rolconnlimit AS connection_limit, rolvaliduntil::text AS valid_until,
       rolconfig AS settings
  FROM pg_catalog.pg_roles
 WHERE rolname !~ '^pg_'
 ORDER BY rolname
