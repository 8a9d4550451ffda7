-- Rows whose other unique key a live row has by now. The expressions see one table only, so their bare column
-- names mean that table's.
WITH mine AS (SELECT ctid AS at, {expressions} FROM {stage} WHERE {predicate}),
     theirs AS (SELECT {expressions} FROM {table} WHERE {predicate}),
     gone AS (DELETE FROM {stage} AS s WHERE s.ctid IN (
                  SELECT mine.at FROM mine WHERE EXISTS (SELECT FROM theirs WHERE {match}))
              RETURNING ({label})::text AS label)
SELECT count(*), coalesce((array_agg(label ORDER BY label))[1:5], ARRAY[]::text[]) FROM gone
