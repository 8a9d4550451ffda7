-- Rows of which another unique value belongs to a live row by now.
WITH found AS (
    SELECT DISTINCT s.id
      FROM pg_temp.tovgov_undelete AS s
     CROSS JOIN LATERAL pg_catalog.json_to_record(s.row) AS r ({definitions})
      JOIN {source} AS t ON {match}
     WHERE s.part = {part} AND s.state = 'wanted'
)
UPDATE pg_temp.tovgov_undelete AS s SET state = 'unique' FROM found AS f WHERE f.id = s.id
