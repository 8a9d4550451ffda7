-- Rows that refer to a row which is not there. convalidated proves nothing: only this does.
SELECT count(*)
  FROM {table} AS child
 WHERE {refers}
   AND NOT EXISTS (SELECT FROM {parent} AS parent WHERE {matches})
