-- Over the SHA-256 of each row's text as it was deleted, in order.
SELECT pg_catalog.encode(pg_catalog.sha256(coalesce(
    pg_catalog.string_agg(pg_catalog.sha256(pg_catalog.convert_to(s.row::text, 'UTF8')), ''::bytea ORDER BY s.id), ''::bytea)), 'hex')
  FROM pg_temp.tovgov_undelete AS s WHERE s.part = {part} AND s.state = 'put'
