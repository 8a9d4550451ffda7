-- What holds on to a database by name or oid, and would stay with the former one or be in the way of a rename.
SELECT 'the prepared transaction "' || gid || '" of ' || owner || ' must end before the swap'
  FROM pg_catalog.pg_prepared_xacts WHERE database = %(name)s
UNION ALL
SELECT 'the replication slot "' || slot_name || '" stays with the former database'
  FROM pg_catalog.pg_replication_slots WHERE database = %(name)s
UNION ALL
SELECT 'the subscription "' || s.subname || '" stays with the former database; the restored one has it switched off'
  FROM pg_catalog.pg_subscription AS s
  JOIN pg_catalog.pg_database AS d ON d.oid = s.subdbid
 WHERE d.datname = %(name)s
