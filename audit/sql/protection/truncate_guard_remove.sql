DROP EVENT TRIGGER IF EXISTS tovgov_new_truncate_guard;
DROP FUNCTION IF EXISTS tovgov.attach_truncate_guard();
