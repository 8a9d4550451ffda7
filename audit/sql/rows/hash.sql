-- The sum does not depend on the order of rows, and equal rows do not cancel each other out.
SELECT count(*), coalesce(sum(pg_catalog.hashtextextended({row} COLLATE pg_catalog."C", 0)), 0)::text
  FROM ONLY {table} AS t
