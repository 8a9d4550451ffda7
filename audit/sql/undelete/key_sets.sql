-- The columns that rows of a part have, in order; more than one line a part when the table was altered in between.
SELECT part, names, count(*)
  FROM (SELECT s.part, ARRAY(SELECT k FROM pg_catalog.json_object_keys(s.row) AS k) AS names
          FROM pg_temp.tovgov_undelete AS s) AS sets
 GROUP BY part, names
 ORDER BY part, count(*) DESC, names
