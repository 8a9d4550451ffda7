DROP FUNCTION IF EXISTS tovgov.refuse(text, text);
DROP FUNCTION IF EXISTS tovgov.plain_columns(oid);
DROP FUNCTION IF EXISTS tovgov.is_chosen(text, text);
DROP FUNCTION IF EXISTS tovgov.is_relaxed(text);
DROP TABLE IF EXISTS tovgov.ddl_log, tovgov.guard_setting, tovgov.protection_record, tovgov.maintenance_window;
DROP SCHEMA IF EXISTS tovgov
