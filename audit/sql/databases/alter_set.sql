ALTER DATABASE {database} SET {setting} TO {value}
