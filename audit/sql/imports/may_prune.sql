SELECT pg_catalog.has_table_privilege('tovgov.delete_audit_record', 'SELECT')
       AND pg_catalog.has_table_privilege('tovgov.delete_audit_record', 'DELETE')
