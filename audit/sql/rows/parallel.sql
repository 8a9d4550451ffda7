SELECT pg_catalog.set_config('max_parallel_workers_per_gather', %s, true)
