-- The server's own values: of its files where they can be read, else of this session.
SELECT s.name, s.setting
FROM pg_catalog.pg_settings s
WHERE s.name IN ('log_connections', 'log_disconnections', 'log_destination', 'logging_collector', 'log_statement')
