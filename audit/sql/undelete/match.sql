-- Rows whose key is in the table already: with an equal row, or with another one.
WITH found AS (
    SELECT s.id, {live} = {deleted} AS is_same
      FROM pg_temp.tovgov_undelete AS s
     CROSS JOIN LATERAL pg_catalog.json_to_record(s.row) AS r ({definitions})
      JOIN {source} AS t ON {match}
     WHERE s.part = {part} AND s.state = 'wanted'
)
UPDATE pg_temp.tovgov_undelete AS s SET state = CASE WHEN f.is_same THEN 'there' ELSE 'taken' END
  FROM found AS f WHERE f.id = s.id
