DROP EVENT TRIGGER IF EXISTS tovgov_login;
DROP FUNCTION IF EXISTS tovgov.log_connection();
DROP TABLE IF EXISTS tovgov."ConnectionAuditLog";
