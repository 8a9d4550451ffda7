-- Triggers of people's own that an INSERT fires, on the table itself or on a partition that takes its rows.
SELECT wanted.oid, t.tgname::text AS name, t.tgenabled::text AS enabled
  FROM unnest(%(oids)s::bigint[]) AS wanted (oid)
  JOIN pg_catalog.pg_trigger AS t
    ON t.tgrelid::bigint = wanted.oid
    OR t.tgrelid IN (SELECT tree.relid FROM pg_catalog.pg_partition_tree(wanted.oid::oid::regclass) AS tree)
 WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgtype::int & 4 = 4
 GROUP BY 1, 2, 3
 ORDER BY 1, 2
