-- Deleted rows that were captured and not imported yet, by table.
SELECT r.table_oid::bigint, sum(r.row_count)::bigint
  FROM tovgov.delete_audit_record AS r
 WHERE r.verb = 'DELETE'
   AND (r.transaction_id, r.id) > (%(transaction)s::text::xid8, %(record)s::bigint)
   AND NOT (r.transaction_id >= %(inherited_from)s::text::xid8 AND r.id <= %(inherited_last)s::bigint
            AND r.at <= %(inherited_until)s::text::timestamptz)
 GROUP BY r.table_oid
