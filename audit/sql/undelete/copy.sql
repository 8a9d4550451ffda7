COPY pg_temp.tovgov_undelete (id, part, log, of, row) FROM STDIN
