-- Count and hash of the rows with these keys. The sum does not depend on the order of rows.
SELECT count(*), coalesce(sum(pg_catalog.hashtextextended(({row})::text COLLATE pg_catalog."C", 0)), 0)::text
  FROM {table} AS t
 WHERE EXISTS (SELECT FROM {keys} AS k WHERE {match})
