CREATE OR REPLACE TRIGGER tovgov_delete_audit AFTER DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION tovgov.capture_deleted_row({key_columns}, {masked_columns});
ALTER TABLE {table} ENABLE ALWAYS TRIGGER tovgov_delete_audit;
COMMENT ON TRIGGER tovgov_delete_audit ON {table} IS {mark};
