DROP EVENT TRIGGER IF EXISTS tovgov_new_delete_audit;
DROP FUNCTION IF EXISTS tovgov.attach_delete_audit();
