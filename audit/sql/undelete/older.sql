-- The same key deleted more than once: the last one is wanted.
WITH versions AS (
    SELECT s.id, pg_catalog.row_number() OVER (PARTITION BY {key} ORDER BY s.id DESC) AS version
      FROM pg_temp.tovgov_undelete AS s WHERE s.part = ANY ({parts}::int[])
)
UPDATE pg_temp.tovgov_undelete AS s SET state = 'older' FROM versions AS v WHERE v.id = s.id AND v.version > 1
