-- The rows of a chunk's records, one by one: json_array_elements keeps the text of each as it was written.
-- The key is left to us where the text holds an escape (\u0000, half a character): there the server's -> fails.
SELECT r.id, e.position,
       CASE WHEN pg_catalog.strpos(e.deleted::text, '\u') = 0 THEN coalesce((
           SELECT '{' || pg_catalog.string_agg(
                      pg_catalog.to_json(k.name::text)::text || ':' || (e.deleted -> k.name::text)::text, ',' ORDER BY k.place)
                  || '}'
             FROM pg_catalog.unnest(r.key_columns) WITH ORDINALITY AS k (name, place)
       ), '') END AS key,
       e.deleted::text AS row
  FROM tovgov.delete_audit_record AS r
 CROSS JOIN LATERAL pg_catalog.json_array_elements(r.rows) WITH ORDINALITY AS e (deleted, position)
 WHERE (r.transaction_id, r.id) >= (%(from_transaction)s::text::xid8, %(from_record)s::bigint)
   AND (r.transaction_id, r.id) <= (%(to_transaction)s::text::xid8, %(to_record)s::bigint)
   AND r.id = ANY (%(wanted)s::bigint[])
 ORDER BY r.transaction_id, r.id, e.position
