-- Only the very records that were looked at: one whose number was given out again stays.
DELETE FROM tovgov.delete_audit_record AS r
 USING ROWS FROM (pg_catalog.unnest(%(records)s::bigint[]), pg_catalog.unnest(%(times)s::timestamptz[])) AS old (id, at)
 WHERE r.id = old.id AND r.at = old.at
