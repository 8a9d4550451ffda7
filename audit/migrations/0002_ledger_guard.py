"""The database itself refuses to change the ledger."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION tovgov_ledger_is_append_only() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only: % refused', TG_OP
        USING ERRCODE = 'insufficient_privilege', HINT = 'Add an entry that corrects the former one.';
END $$;

CREATE TRIGGER ledger_refuses_change BEFORE UPDATE OR DELETE ON audit_ledgerentry
    FOR EACH ROW EXECUTE FUNCTION tovgov_ledger_is_append_only();
CREATE TRIGGER ledger_refuses_truncate BEFORE TRUNCATE ON audit_ledgerentry
    FOR EACH STATEMENT EXECUTE FUNCTION tovgov_ledger_is_append_only();
ALTER TABLE audit_ledgerentry ENABLE ALWAYS TRIGGER ledger_refuses_change;
ALTER TABLE audit_ledgerentry ENABLE ALWAYS TRIGGER ledger_refuses_truncate;
"""

BACKWARD = """
DROP TRIGGER ledger_refuses_change ON audit_ledgerentry;
DROP TRIGGER ledger_refuses_truncate ON audit_ledgerentry;
DROP FUNCTION tovgov_ledger_is_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
