INSERT INTO tovgov.protection_record (rule, object, before) VALUES ({rule}, {object}, {before})
ON CONFLICT (rule, object) DO UPDATE SET before = excluded.before
