SELECT pg_catalog.to_regclass('tovgov.delete_audit_record') IS NOT NULL
