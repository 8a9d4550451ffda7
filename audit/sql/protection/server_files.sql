-- The last line of each setting that counts, and whether ALTER SYSTEM wrote it.
SELECT DISTINCT ON (f.name) f.name, f.setting, f.sourcefile LIKE '%/postgresql.auto.conf' AS is_ours
FROM pg_catalog.pg_file_settings f
WHERE f.error IS NULL AND f.name IN ('log_connections', 'log_disconnections', 'log_destination', 'logging_collector', 'log_statement')
ORDER BY f.name, f.seqno DESC
