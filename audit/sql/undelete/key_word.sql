s.row OPERATOR(pg_catalog.->>) {column}
