-- Whether a row of the part refers to a parent at all.
SELECT EXISTS (SELECT FROM pg_temp.tovgov_undelete AS s WHERE s.part = {part} AND {is_set})
