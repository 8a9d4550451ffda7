ALTER DATABASE {database} RESET log_statement
