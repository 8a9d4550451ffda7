-- An empty table of this session with some columns of a table, types and collations included.
CREATE TEMPORARY TABLE {stage} ON COMMIT DROP AS SELECT {columns} FROM {table} WITH NO DATA
