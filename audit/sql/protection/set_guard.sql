INSERT INTO tovgov.guard_setting (rule, name, value) VALUES ({rule}, {name}, {value})
ON CONFLICT (rule, name) DO UPDATE SET value = excluded.value
