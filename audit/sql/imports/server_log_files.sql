-- Needs pg_monitor.
SELECT name, size, (extract(epoch FROM modification) * 1000000000)::bigint FROM pg_catalog.pg_ls_logdir()
