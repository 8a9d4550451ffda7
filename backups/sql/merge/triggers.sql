-- Triggers that an INSERT fires in an ordinary session; those of partitions are told with their root.
SELECT coalesce(pg_catalog.pg_partition_root(t.tgrelid), t.tgrelid)::bigint AS oid,
       array_agg(DISTINCT t.tgname::text ORDER BY t.tgname::text) AS names
  FROM pg_catalog.pg_trigger AS t
 WHERE NOT t.tgisinternal
   AND t.tgenabled IN ('O', 'A')
   AND t.tgtype::int & 4 = 4
 GROUP BY 1
