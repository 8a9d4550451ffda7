ALTER DATABASE {database} RENAME TO {new_name}
