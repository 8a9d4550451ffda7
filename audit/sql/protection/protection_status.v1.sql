CREATE TABLE IF NOT EXISTS tovgov."ProtectionStatus" (
    policy        text PRIMARY KEY,
    version       integer NOT NULL,
    policy_hash   text NOT NULL,
    installed_by  text NOT NULL,
    installed_at  timestamptz NOT NULL,
    verified_at   timestamptz,
    statuses      jsonb NOT NULL DEFAULT '{}'
);
ALTER TABLE tovgov."ProtectionStatus" OWNER TO tovgov_guard;
REVOKE ALL ON TABLE tovgov."ProtectionStatus" FROM PUBLIC
;

-- What tovgov has backed up: a line for each backup, so that the application's people need not ask.
CREATE TABLE IF NOT EXISTS tovgov."BackupLog" (
    name          text PRIMARY KEY,
    finished_at   timestamptz NOT NULL,
    level         text NOT NULL,
    level_at      timestamptz NOT NULL,
    rows          bigint,
    bytes         bigint
);
ALTER TABLE tovgov."BackupLog" OWNER TO tovgov_guard;
REVOKE ALL ON TABLE tovgov."BackupLog" FROM PUBLIC
