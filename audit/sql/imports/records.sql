-- The next records without their rows, in order, as many as make one chunk; the first always.
-- Below the horizon every transaction is over: what is not seen now never comes.
SELECT id, transaction, at, table_oid, table_schema, table_name, verb, session_role, role_in_force, application_user,
       client_address, application_name, query, key_columns, masked_columns, row_count
  FROM (
    SELECT r.*, sum(r.row_count) OVER so_far - r.row_count AS rows_before, sum(r.size) OVER so_far - r.size AS bytes_before
      FROM (
        SELECT r.id, r.transaction_id, r.transaction_id::text::bigint AS transaction, r.at, r.table_oid::bigint,
               r.table_schema::text, r.table_name::text, r.verb, r.session_role::text, r.role_in_force::text,
               r.application_user, pg_catalog.host(r.client_address) AS client_address, r.application_name, r.query,
               r.key_columns::text[], r.masked_columns::text[], r.row_count::bigint,
               pg_catalog.pg_column_size(r.rows)::bigint + coalesce(pg_catalog.octet_length(r.query), 0) AS size
          FROM tovgov.delete_audit_record AS r
         WHERE (r.transaction_id, r.id) > (%(transaction)s::text::xid8, %(record)s::bigint)
           AND r.transaction_id < coalesce(%(below)s::text::xid8,
                                           pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot()))
           AND r.at <= %(until)s::text::timestamptz
         ORDER BY r.transaction_id, r.id
         LIMIT %(records)s
      ) AS r
    WINDOW so_far AS (ORDER BY r.transaction_id, r.id)
  ) AS r
 WHERE rows_before < %(rows)s AND bytes_before < %(bytes)s
 ORDER BY r.transaction_id, r.id
