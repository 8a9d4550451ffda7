"""The database itself refuses to change the history of a review."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION tovgov_reviews_are_append_only() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'the history of a review is append-only: % refused', TG_OP
        USING ERRCODE = 'insufficient_privilege', HINT = 'Add a note that corrects the former one.';
END $$;

CREATE TRIGGER reviews_refuse_change BEFORE UPDATE OR DELETE ON audit_reviewevent
    FOR EACH ROW EXECUTE FUNCTION tovgov_reviews_are_append_only();
CREATE TRIGGER reviews_refuse_truncate BEFORE TRUNCATE ON audit_reviewevent
    FOR EACH STATEMENT EXECUTE FUNCTION tovgov_reviews_are_append_only();
ALTER TABLE audit_reviewevent ENABLE ALWAYS TRIGGER reviews_refuse_change;
ALTER TABLE audit_reviewevent ENABLE ALWAYS TRIGGER reviews_refuse_truncate;
"""

BACKWARD = """
DROP TRIGGER reviews_refuse_change ON audit_reviewevent;
DROP TRIGGER reviews_refuse_truncate ON audit_reviewevent;
DROP FUNCTION tovgov_reviews_are_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_ledger_guard")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
