-- pg_default is where a database goes anyhow; to name it takes a right on it that few roles have.
SELECT EXISTS (SELECT FROM pg_catalog.pg_tablespace WHERE spcname = %s AND spcname <> 'pg_default')
