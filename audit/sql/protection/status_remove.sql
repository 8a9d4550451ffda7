DROP TABLE IF EXISTS tovgov."BackupLog", tovgov."ProtectionStatus"
