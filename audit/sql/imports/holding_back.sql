-- The oldest transaction that is open now and has changed something: the horizon does not pass it.
SELECT a.pid, coalesce(a.usename::text, ''), a.xact_start
  FROM pg_catalog.pg_stat_activity AS a
 WHERE a.backend_xid IS NOT NULL
 ORDER BY pg_catalog.age(a.backend_xid) DESC
 LIMIT 1
