-- The next records in order that were imported, and which of them are older than the days they are kept here.
SELECT r.id, r.transaction_id::text::bigint AS transaction, r.at,
       r.at < pg_catalog.clock_timestamp() - pg_catalog.make_interval(days => %(days)s) AS is_old
  FROM tovgov.delete_audit_record AS r
 WHERE (r.transaction_id, r.id) > (%(after_transaction)s::text::xid8, %(after_record)s::bigint)
   AND ((r.transaction_id, r.id) <= (%(transaction)s::text::xid8, %(record)s::bigint)
        OR (r.transaction_id >= %(inherited_from)s::text::xid8 AND r.id <= %(inherited_last)s::bigint
            AND r.at <= %(inherited_until)s::text::timestamptz))
 ORDER BY r.transaction_id, r.id
 LIMIT %(limit)s
