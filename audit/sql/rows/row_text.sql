pg_catalog.concat_ws(E'\x1f', {values})
