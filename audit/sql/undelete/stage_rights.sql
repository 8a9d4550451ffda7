GRANT SELECT, UPDATE ON pg_temp.tovgov_undelete TO {role}
