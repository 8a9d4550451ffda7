SELECT {aggregate}((s.row OPERATOR(pg_catalog.->>) {column})::numeric)::bigint
  FROM pg_temp.tovgov_undelete AS s WHERE s.part = {part} AND s.state IN ('put', 'there')
