-- Old logins, of those that were imported alone.
DELETE FROM tovgov."ConnectionAuditLog" AS l
 USING (SELECT pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text::bigint AS next) AS now
 WHERE l.at < pg_catalog.clock_timestamp() - pg_catalog.make_interval(days => %(days)s)
   AND (now.next - ((now.next - l.xmin::text::bigint) & 4294967295), l.id) <= (%(transaction)s, %(record)s)
