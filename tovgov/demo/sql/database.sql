-- Settings of the database itself: they, its owner and its grants must survive a recovery too.
ALTER DATABASE {database} SET timezone = 'Asia/Jerusalem';
ALTER DATABASE {database} SET statement_timeout = '45s';
ALTER ROLE {application} IN DATABASE {database} SET lock_timeout = '4s';
REVOKE CONNECT, TEMPORARY ON DATABASE {database} FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {application}, {watcher}, {backup}, {operator};
COMMENT ON DATABASE {database} IS 'TovPlay: an invented club of people who play together.';
