-- Whether the login trigger's table is there and ours to read, whether we may prune it, and where its server stands.
SELECT c.oid::bigint AS log,
       coalesce(pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT'), false)
           AS may_read,
       coalesce(pg_catalog.has_table_privilege(c.oid, 'DELETE'), false) AND NOT pg_catalog.pg_is_in_recovery() AS may_prune,
       pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::text::bigint AS horizon,
       CASE WHEN pg_catalog.pg_is_in_recovery() THEN (SELECT timeline_id FROM pg_catalog.pg_control_checkpoint())
            ELSE ('x' || pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8))::bit(32)::int
       END AS timeline
  FROM (SELECT) AS one
  LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname = 'tovgov'
  LEFT JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = 'ConnectionAuditLog' AND c.relkind = 'r'
