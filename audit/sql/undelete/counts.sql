SELECT part, state, count(*) FROM pg_temp.tovgov_undelete GROUP BY part, state
