UPDATE tovgov."ProtectionStatus" SET verified_at = pg_catalog.clock_timestamp(), statuses = {statuses}
 WHERE policy IS NOT NULL
