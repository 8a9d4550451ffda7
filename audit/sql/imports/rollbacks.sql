-- Rollbacks and the last reset of the counters; since when the oldest transaction is open; whether sessions are hidden
-- from our role.
SELECT d.xact_rollback, d.stats_reset,
       (SELECT min(a.xact_start) FROM pg_catalog.pg_stat_activity AS a
         WHERE a.datid = d.datid AND a.pid <> pg_catalog.pg_backend_pid()) AS oldest,
       EXISTS (SELECT FROM pg_catalog.pg_stat_activity AS a
                WHERE a.datid = d.datid AND a.backend_type IS NULL) AS are_hidden
  FROM pg_catalog.pg_stat_database AS d
 WHERE d.datname = pg_catalog.current_database()
