SELECT count(*), '' FROM ONLY {table} AS t
