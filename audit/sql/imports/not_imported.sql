-- Rows in the log that were not imported; all of them when the log is another table than the one that was read.
SELECT coalesce(pg_catalog.sum(r.row_count), 0)::bigint
  FROM tovgov.delete_audit_record AS r
 WHERE 'tovgov.delete_audit_record'::pg_catalog.regclass::oid::bigint <> %(log)s
    OR ((r.transaction_id, r.id) > (%(transaction)s::text::xid8, %(record)s::bigint)
        AND NOT (r.transaction_id >= %(inherited_from)s::text::xid8 AND r.id <= %(inherited_last)s::bigint
                 AND r.at <= %(inherited_until)s::text::timestamptz))
