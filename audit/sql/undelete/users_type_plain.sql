(SELECT CASE WHEN pg_catalog.format('%s', {value}) = pg_catalog.format('%s', q.value)
             THEN s.row OPERATOR(pg_catalog.->) {literal} ELSE pg_catalog.to_json(pg_catalog.format('%s', {value})) END
   FROM (SELECT {deleted} AS value FROM pg_catalog.json_to_record(s.row) AS r ({definition})) AS q)
