-- A few rows beside the live rows that stand in their way.
SELECT s.log, {deleted} AS deleted, {live} AS live
  FROM pg_temp.tovgov_undelete AS s
 CROSS JOIN LATERAL pg_catalog.json_to_record(s.row) AS r ({definitions})
  JOIN {source} AS t ON {match}
 WHERE s.part = {part} AND s.state = {state}
 ORDER BY s.id LIMIT 5
