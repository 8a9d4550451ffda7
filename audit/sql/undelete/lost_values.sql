-- Rows that have a value in a column that the table has no more.
SELECT count(*) FROM pg_temp.tovgov_undelete AS s
 WHERE s.part = {part} AND s.row OPERATOR(pg_catalog.->>) {column} IS NOT NULL
