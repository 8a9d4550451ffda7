-- The last column is a range that the parent's ranges together must cover.
SELECT count(*)
  FROM {table} AS child
 WHERE {refers}
   AND NOT coalesce((SELECT pg_catalog.range_agg(parent.{parent_period}) OPERATOR(pg_catalog.@>) child.{period}
                       FROM {parent} AS parent
                      WHERE {matches}), false)
