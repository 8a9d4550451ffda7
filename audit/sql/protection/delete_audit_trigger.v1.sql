CREATE OR REPLACE TRIGGER tovgov_delete_audit AFTER DELETE ON {table}
    REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT
    EXECUTE FUNCTION tovgov.capture_deleted({key_columns}, {masked_columns});
ALTER TABLE {table} ENABLE ALWAYS TRIGGER tovgov_delete_audit;
COMMENT ON TRIGGER tovgov_delete_audit ON {table} IS {mark};
