SELECT {aggregate}({column})::bigint FROM {table} AS t
