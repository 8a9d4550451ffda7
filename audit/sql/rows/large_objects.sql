-- Read in pieces of 1 MB through lo_get, so that neither a big object nor a hole in one matters, and the server
-- keeps only lengths and hashes.
WITH RECURSIVE piece AS (
    SELECT m.oid, 0::bigint AS start, p.bytes, p.hash
      FROM pg_catalog.pg_largeobject_metadata AS m, LATERAL (
        SELECT length(d.data), pg_catalog.sha256(d.data)
          FROM (SELECT pg_catalog.lo_get(m.oid, 0, 1048576) OFFSET 0) AS d (data)) AS p (bytes, hash)
    UNION ALL
    SELECT q.oid, q.start + 1048576, p.bytes, p.hash
      FROM piece AS q, LATERAL (
        SELECT length(d.data), pg_catalog.sha256(d.data)
          FROM (SELECT pg_catalog.lo_get(q.oid, q.start + 1048576, 1048576) OFFSET 0) AS d (data)) AS p (bytes, hash)
     WHERE q.bytes = 1048576
)
SELECT count(DISTINCT oid),
       coalesce(sum(bytes), 0)::bigint,
       coalesce(sum(pg_catalog.hashtextextended(
           pg_catalog.concat_ws(' ', oid, start, encode(hash, 'hex')) COLLATE pg_catalog."C", 0)
       ) FILTER (WHERE bytes > 0 OR start = 0), 0)::text
  FROM piece
