GRANT {privilege} ON DATABASE {database} TO {grantee} {option}
