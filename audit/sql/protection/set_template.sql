ALTER DATABASE {database} IS_TEMPLATE {value}
