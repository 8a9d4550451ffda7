COPY (SELECT {columns} FROM {table} AS t WHERE EXISTS (SELECT FROM {keys} AS k WHERE {match})) TO STDOUT
