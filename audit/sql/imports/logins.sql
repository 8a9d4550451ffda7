-- Logins that transactions below the horizon wrote, in the order of (transaction, id). The horizon moves on: no row of a
-- transaction below it will ever come. tovgov's own from where we connect are counted and left out.
WITH now AS (
    SELECT pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::text::bigint AS horizon,
           pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text::bigint AS next
), seen AS (
    SELECT now.next - ((now.next - l.xmin::text::bigint) & 4294967295) AS transaction, now.horizon, l.*
      FROM tovgov."ConnectionAuditLog" AS l, now
     WHERE l.id > %(floor)s
)
SELECT transaction, id, at, pid, role::text, database::text, pg_catalog.host(client_address) AS address,
       coalesce(application_name, '') AS application,
       role = ANY (%(own)s) AND application_name LIKE 'tovgov%%'
           AND client_address IS NOT DISTINCT FROM pg_catalog.inet_client_addr() AS is_own,
       at < pg_catalog.clock_timestamp() - interval '1 hour' AS is_settled
  FROM seen
 WHERE transaction < horizon AND (transaction, id) > (%(transaction)s, %(record)s)
 ORDER BY transaction, id
 LIMIT %(limit)s
