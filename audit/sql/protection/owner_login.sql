SELECT r.rolcanlogin OR r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = 'tovgov_owner'
