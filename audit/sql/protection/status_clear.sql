DELETE FROM tovgov."ProtectionStatus"
