-- Rows whose parent is neither live nor about to be put back. With a NULL in its columns a row has no parent.
WITH gone AS (DELETE FROM {stage} AS c
               WHERE {has_parent}
                 AND NOT EXISTS (SELECT FROM {parent} AS p WHERE {match})
                 AND {not_staged}
              RETURNING ({label})::text AS label)
SELECT count(*), coalesce((array_agg(label ORDER BY label))[1:5], ARRAY[]::text[]) FROM gone
