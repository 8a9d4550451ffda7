DROP VIEW IF EXISTS tovgov."DeleteAuditLog";
DROP FUNCTION IF EXISTS tovgov.capture_deleted(), tovgov.capture_deleted_row();
DROP TABLE IF EXISTS tovgov.delete_audit_record;
