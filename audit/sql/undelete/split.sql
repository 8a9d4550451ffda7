UPDATE pg_temp.tovgov_undelete AS s SET part = {new}
 WHERE part = {part} AND ARRAY(SELECT k FROM pg_catalog.json_object_keys(s.row) AS k) = {names}::text[]
