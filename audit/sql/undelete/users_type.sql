-- A value of a type that somebody made reads as the log wrote it: as plain text, or as JSON.
CASE WHEN pg_catalog.num_nonnulls({value}) = 0 THEN NULL
     WHEN pg_catalog.json_typeof(s.row OPERATOR(pg_catalog.->) {literal}) = 'string'
         THEN pg_catalog.to_json(pg_catalog.format('%s', {value}))
     ELSE {otherwise} END AS {name}
