-- How old the oldest record is that was not imported, in seconds, and whether one can be read now or an open
-- transaction still holds all back. A hundred are looked at: the first transaction's record is not always the oldest.
SELECT extract(epoch FROM pg_catalog.clock_timestamp() - min(at))::float8 AS age, bool_or(is_ready) AS is_ready
  FROM (
    SELECT r.at, r.transaction_id < pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot()) AS is_ready
      FROM tovgov.delete_audit_record AS r
     WHERE (r.transaction_id, r.id) > (%(transaction)s::text::xid8, %(record)s::bigint)
       AND NOT (r.transaction_id >= %(inherited_from)s::text::xid8 AND r.id <= %(inherited_last)s::bigint
                AND r.at <= %(inherited_until)s::text::timestamptz)
     ORDER BY r.transaction_id, r.id
     LIMIT 100
  ) AS waiting
HAVING count(*) > 0
