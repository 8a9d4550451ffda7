INSERT INTO tovgov."ProtectionStatus" (policy, version, policy_hash, installed_by, installed_at)
VALUES ({policy}, {version}, {hash}, {by}, pg_catalog.clock_timestamp())
