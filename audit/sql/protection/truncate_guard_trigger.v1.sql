CREATE OR REPLACE TRIGGER tovgov_truncate_guard BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION tovgov.guard_truncate({mode}, {key_columns}, {masked_columns});
ALTER TABLE {table} ENABLE ALWAYS TRIGGER tovgov_truncate_guard;
COMMENT ON TRIGGER tovgov_truncate_guard ON {table} IS {mark};
