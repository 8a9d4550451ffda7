-- Needs EXECUTE on the function, and pg_read_server_files when log_directory is relative and leads out of the data directory.
SELECT pg_catalog.pg_read_binary_file(pg_catalog.current_setting('log_directory') || '/' || %(name)s, %(start)s, %(length)s, true)
