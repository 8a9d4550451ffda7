SELECT of, count(*) FROM pg_temp.tovgov_undelete WHERE state = 'put' GROUP BY of
