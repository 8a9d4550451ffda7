-- Stops reading at {least}; partitions and children count.
SELECT count(*) FROM (SELECT FROM {table} LIMIT {least}) AS seen
