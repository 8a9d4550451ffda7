GRANT USAGE ON SCHEMA tovgov TO {role};
GRANT SELECT ON TABLE tovgov."ProtectionStatus", tovgov."BackupLog" TO {role}
