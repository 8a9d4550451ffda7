SELECT r.rolsuper AND coalesce(pg_catalog.current_setting('allow_alter_system', true), 'on') OPERATOR(pg_catalog.=) 'on'
FROM pg_catalog.pg_roles r WHERE r.rolname OPERATOR(pg_catalog.=) current_user
