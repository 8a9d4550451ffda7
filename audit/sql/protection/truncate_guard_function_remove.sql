DROP FUNCTION IF EXISTS tovgov.guard_truncate();
