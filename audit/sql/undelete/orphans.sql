-- Rows whose parent is neither in its table nor among the rows that are put back with them.
WITH found AS (
    SELECT s.id
      FROM pg_temp.tovgov_undelete AS s
     CROSS JOIN LATERAL pg_catalog.json_to_record(s.row) AS r ({definitions})
     WHERE s.part = {part} AND s.state = 'wanted'
       AND {is_set}
       AND NOT EXISTS (SELECT FROM {parent} AS p WHERE {match})
       AND NOT EXISTS (SELECT FROM pg_temp.tovgov_undelete AS q
                        CROSS JOIN LATERAL pg_catalog.json_to_record(q.row) AS p ({parent_definitions})
                        WHERE q.part = ANY ({parent_parts}::int[]) AND q.state = 'wanted' AND {match})
)
UPDATE pg_temp.tovgov_undelete AS s SET state = 'orphan' FROM found AS f WHERE f.id = s.id
RETURNING s.log, s.row OPERATOR(pg_catalog.->>) {column}
