DROP EVENT TRIGGER IF EXISTS tovgov_guard_end;
DROP EVENT TRIGGER IF EXISTS tovgov_guard_start;
DROP EVENT TRIGGER IF EXISTS tovgov_guard_drop;
DROP FUNCTION IF EXISTS tovgov.guard_end();
DROP FUNCTION IF EXISTS tovgov.guard_start();
DROP FUNCTION IF EXISTS tovgov.guard_drop();
