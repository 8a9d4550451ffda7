-- What this transaction has done to each table so far, told with the root of a partitioned one.
SELECT n.nspname::text AS schema,
       c.relname::text AS name,
       sum(s.n_tup_ins)::bigint AS inserted,
       sum(s.n_tup_upd)::bigint AS updated,
       sum(s.n_tup_del)::bigint AS deleted
  FROM pg_catalog.pg_stat_xact_user_tables AS s
  JOIN pg_catalog.pg_class AS c ON c.oid = coalesce(pg_catalog.pg_partition_root(s.relid), s.relid)
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relpersistence <> 't'
 GROUP BY 1, 2
HAVING sum(s.n_tup_ins + s.n_tup_upd + s.n_tup_del) > 0
 ORDER BY 1, 2
