COPY (SELECT {columns} FROM {table} AS t) TO STDOUT
