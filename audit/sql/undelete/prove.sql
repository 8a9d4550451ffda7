-- How many rows are not where they were put, and how many do not read as the deleted ones did; a few with both texts.
WITH read AS (
    SELECT s.id, s.log, {deleted} AS deleted, back.words AS live
      FROM pg_temp.tovgov_undelete AS s
      LEFT JOIN LATERAL (SELECT {live} AS words FROM {source} AS t
                          WHERE t.tableoid = s.at_table AND t.ctid = s.at) AS back ON true
     WHERE s.part = {part} AND s.state = 'put'
)
SELECT log, deleted, live, count(*) FILTER (WHERE live IS NULL) OVER (), count(live) OVER () FROM read
 WHERE live IS DISTINCT FROM deleted ORDER BY live IS NULL, id LIMIT 5
