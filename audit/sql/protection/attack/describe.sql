COMMENT ON DATABASE {database} IS {words}
