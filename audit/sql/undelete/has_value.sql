s.row OPERATOR(pg_catalog.->>) {column} IS NOT NULL
