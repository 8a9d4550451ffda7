INSERT INTO tovgov."BackupLog" (name, finished_at, level, level_at, rows, bytes)
VALUES ({name}, {finished_at}, {level}, pg_catalog.clock_timestamp(), {rows}, {bytes})
ON CONFLICT (name) DO UPDATE SET level = excluded.level, level_at = excluded.level_at
