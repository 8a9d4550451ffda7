-- Rows come back in the order in which they were sent; where each went is noted for the proof.
WITH put AS (
    INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE
    SELECT {values}
      FROM pg_temp.tovgov_undelete AS s
     CROSS JOIN LATERAL pg_catalog.json_to_record(s.row) AS r ({definitions})
     WHERE s.part = {part} AND s.state = 'wanted'
     ORDER BY s.id
    RETURNING tableoid, ctid
), sent AS (
    SELECT s.id, pg_catalog.row_number() OVER (ORDER BY s.id) AS place
      FROM pg_temp.tovgov_undelete AS s WHERE s.part = {part} AND s.state = 'wanted'
), placed AS (
    SELECT put.tableoid AS at_table, put.ctid AS at, pg_catalog.row_number() OVER () AS place FROM put
)
UPDATE pg_temp.tovgov_undelete AS s SET state = 'put', at_table = p.at_table, at = p.at
  FROM sent JOIN placed AS p ON p.place = sent.place
 WHERE s.id = sent.id
