SELECT count(*) FROM pg_temp.tovgov_undelete AS s WHERE s.part = {part} AND s.state = {state}
