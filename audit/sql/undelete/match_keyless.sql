-- A table without a key: rows that are in it word for word.
WITH found AS (
    SELECT DISTINCT s.id
      FROM pg_temp.tovgov_undelete AS s
      JOIN {source} AS t ON {live_sure} = {deleted_sure} AND {live} = {deleted}
     WHERE s.part = {part} AND s.state = 'wanted'
)
UPDATE pg_temp.tovgov_undelete AS s SET state = 'there' FROM found AS f WHERE f.id = s.id
