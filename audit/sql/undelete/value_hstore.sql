CASE pg_catalog.json_typeof({value})
    WHEN 'string' THEN ({value} OPERATOR(pg_catalog.#>>) ARRAY[]::text[])::{schema}.hstore
    WHEN 'object' THEN coalesce((
        SELECT {schema}.hstore(pg_catalog.array_agg(e.key), pg_catalog.array_agg(e.value))
          FROM pg_catalog.json_each_text({value}) AS e), ''::{schema}.hstore) END
