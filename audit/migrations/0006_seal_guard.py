"""The database itself refuses to change checkpoints and notes of retired ranges. Tiles are random to a compressor: they
are stored as they are."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION tovgov_seals_are_append_only() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'seals are append-only: % refused', TG_OP
        USING ERRCODE = 'insufficient_privilege', HINT = 'A checkpoint is never changed; the next one follows it.';
END $$;

CREATE TRIGGER checkpoints_refuse_change BEFORE UPDATE OR DELETE ON audit_checkpoint
    FOR EACH ROW EXECUTE FUNCTION tovgov_seals_are_append_only();
CREATE TRIGGER checkpoints_refuse_truncate BEFORE TRUNCATE ON audit_checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION tovgov_seals_are_append_only();
CREATE TRIGGER retired_ranges_refuse_change BEFORE UPDATE OR DELETE ON audit_retiredrange
    FOR EACH ROW EXECUTE FUNCTION tovgov_seals_are_append_only();
CREATE TRIGGER retired_ranges_refuse_truncate BEFORE TRUNCATE ON audit_retiredrange
    FOR EACH STATEMENT EXECUTE FUNCTION tovgov_seals_are_append_only();
ALTER TABLE audit_checkpoint ENABLE ALWAYS TRIGGER checkpoints_refuse_change;
ALTER TABLE audit_checkpoint ENABLE ALWAYS TRIGGER checkpoints_refuse_truncate;
ALTER TABLE audit_retiredrange ENABLE ALWAYS TRIGGER retired_ranges_refuse_change;
ALTER TABLE audit_retiredrange ENABLE ALWAYS TRIGGER retired_ranges_refuse_truncate;
ALTER TABLE audit_sealtile ALTER COLUMN hashes SET STORAGE EXTERNAL;
"""

BACKWARD = """
ALTER TABLE audit_sealtile ALTER COLUMN hashes SET STORAGE EXTENDED;
DROP TRIGGER checkpoints_refuse_change ON audit_checkpoint;
DROP TRIGGER checkpoints_refuse_truncate ON audit_checkpoint;
DROP TRIGGER retired_ranges_refuse_change ON audit_retiredrange;
DROP TRIGGER retired_ranges_refuse_truncate ON audit_retiredrange;
DROP FUNCTION tovgov_seals_are_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0005_partitions")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
