DELETE FROM tovgov."ProtectionStatus" WHERE policy IS NOT NULL
