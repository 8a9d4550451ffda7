INSERT INTO audit_serverlogentry (target_id, source_id, file_id, of_group_id, leaf, "offset", at, level, sqlstate, kind,
    severity, pid, session, role, database, address, application, command, message, detail, query, more)
SELECT %(target)s, 1, 1, 1, n, n * 100, %(until)s::timestamptz - n * (interval '23 hours' / %(logged)s), 'LOG', '',
       CASE WHEN n %% 5000 = 1 THEN 'drop' WHEN n %% 20000 = 2 THEN 'role-changed' WHEN n %% 50000 = 3 THEN 'start'
            WHEN n %% 30000 = 4 THEN 'settings-changed' WHEN n %% 90000 = 5 THEN 'crash'
            ELSE (ARRAY['statement', 'slow-statement', 'checkpoint', 'constraint-violation'])[1 + n %% 4] END,
       20, 4000 + n %% 90, 's' || n %% 90, 'role' || n %% 7, 'watched', '10.0.0.' || n %% 40, 'web', '',
       'duration: ' || n || ' ms  statement: SELECT * FROM "GameRequest" WHERE owner = $1 AND created > $2', '', '', ''
  FROM generate_series(1, %(logged)s::bigint) n;

INSERT INTO audit_connectiongroup (target_id, day, role, database, client_address, application_name, outcome, at, last_at,
    count, new, is_noise, state, assignee_name, decided_by, closed_by)
SELECT %(target)s, (%(until)s::timestamptz - n * interval '1 minute')::date, 'role' || n, 'watched',
       inet '10.0.0.0' + n %% 40, 'web' || n %% 50, 'accepted', %(until)s::timestamptz - n * interval '1 minute',
       %(until)s::timestamptz, 100, CASE WHEN n %% 20 = 0 THEN '["address"]' ELSE '[]' END::jsonb, false, 'unreviewed', '', '', ''
  FROM generate_series(1, 1000) n;

INSERT INTO audit_connectionauditlog (target_id, of_group_id, at, seen_at, source, pid, session, role, database, client_address,
    client_host, application_name, method, outcome, reason)
SELECT %(target)s, (SELECT max(id) FROM audit_connectiongroup) - n %% 1000,
       %(until)s::timestamptz - n * (interval '23 hours' / %(quarter)s), now(), 'server log', n, '', 'role' || n %% 7, 'watched',
       CASE WHEN n %% 1000 < 30 THEN inet '203.0.113.9' ELSE inet '10.0.0.0' + (n %% 40)::int END, '', 'web', 'scram-sha-256',
       CASE WHEN n %% 1000 < 30 THEN 'failed password' WHEN n %% 60000 = 77 THEN 'unknown database' ELSE 'accepted' END, ''
  FROM generate_series(1, %(quarter)s::bigint) n;

INSERT INTO audit_deleteaudittransaction (state, assignee_name, decided_by, closed_by, target_id, transaction, incarnation, at,
    last_at, session_role, role_in_force, application_user, client_address, application_name, query, tables, row_count, undeleted)
SELECT 'unreviewed', '', '', '', %(target)s, n, %(until)s::text, t.at, t.at, 'role' || n %% 7, 'role' || n %% 7, '', NULL, 'web',
       'DELETE FROM "Message" WHERE id = $1', jsonb_build_object('public.t' || n %% 9, 1 + n %% 30), 1 + n %% 30, 0
  FROM generate_series(1, %(quarter)s::bigint) n,
       LATERAL (SELECT %(until)s::timestamptz - n * (interval '23 hours' / %(quarter)s) AS at) t;

INSERT INTO audit_deleteauditlog (target_id, of_transaction_id, record, position, at, verb, table_oid, table_schema, table_name,
    key, masked, query, row)
SELECT x.target_id, x.id, x.id, 1, x.at, 'DELETE', 16402, 'public', 'Message', format('{"id":%%s}', x.id), '[]', '',
       format('{"id":%%s,"note":"friday"}', x.id)
  FROM audit_deleteaudittransaction x WHERE x.target_id = %(target)s AND x.incarnation = %(until)s::text
