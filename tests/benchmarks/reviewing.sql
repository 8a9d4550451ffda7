-- Deletes of five targets in ninety days, %(first)s to %(last)s: an application's single deletes, batches, nightly
-- clean-ups of thousands of rows. Older ones are reviewed, a tenth and the newest wait.
INSERT INTO audit_deleteaudittransaction (id, state, assignee_id, assignee_name, decided_by, closed_by, incident_id, target_id,
    transaction, incarnation, at, last_at, session_role, role_in_force, application_user, client_address, application_name, query,
    tables, row_count, undeleted)
SELECT n, s.state, CASE WHEN s.state = 'in review' THEN %(person)s END, CASE WHEN s.state = 'in review' THEN 'bench' ELSE '' END, '', '',
       CASE WHEN s.state = 'suspicious' THEN %(incident)s END,
       (%(targets)s::bigint[])[CASE WHEN u.a < 0.70 THEN 1 WHEN u.a < 0.90 THEN 2 WHEN u.a < 0.96 THEN 3 WHEN u.a < 0.999 THEN 4 ELSE 5 END],
       1000 + n, '1/1', t.at, t.at, CASE WHEN n %% 20000 = 3 THEN 'stray_script' ELSE 'tovplay_app' END, 'tovplay_app',
       'user' || floor(1000 * u.b ^ 3), CASE WHEN n %% 50000 = 5 THEN inet '10.9.9.9' ELSE inet '10.0.0.0' + floor(40 * u.c ^ 2)::int END,
       'web', 'DELETE FROM "' || t.name || '" WHERE owner = $1 AND created < now() - interval ''' || n %% 90 || ' days''',
       jsonb_build_object('public.' || t.name, t.size), t.size, 0
  FROM generate_series(%(first)s::bigint, %(last)s::bigint) n,
       LATERAL (SELECT (hashint8extended(n, 1) & 2147483647) / 2147483648.0::float8 AS a,
                       (hashint8extended(n, 2) & 2147483647) / 2147483648.0::float8 AS b,
                       (hashint8extended(n, 3) & 2147483647) / 2147483648.0::float8 AS c) u,
       LATERAL (SELECT timestamptz '2026-01-01' + n * (interval '90 days' / %(all)s) AS at,
                       CASE WHEN n %% 1000 = 0 THEN 2000 WHEN n %% 10 = 1 THEN 10 ELSE 1 + n %% 3 END AS size,
                       CASE WHEN n %% 10000 = 7 THEN 'Invoice'
                            ELSE (ARRAY['Message', 'Session', 'GameRequest', 'UserNotification'])[1 + floor(4 * u.b ^ 2)::int]
                       END AS name) t,
       LATERAL (SELECT CASE WHEN n %% 9973 = 0 THEN 'suspicious' WHEN n %% 100 = 9 THEN 'in review'
                            WHEN n %% 10 = 4 OR n > 0.98 * %(all)s THEN 'unreviewed' ELSE 'accepted' END AS state) s;

INSERT INTO audit_deleteauditlog (target_id, of_transaction_id, record, position, at, verb, table_oid, table_schema, table_name, key,
    masked, query, row)
SELECT x.target_id, x.id, x.id, p, x.at, 'DELETE', 16402, 'public', split_part(k.key, '.', 2), format('{"id":%%s}', x.id * 5 + p), '[]',
       CASE WHEN p = 1 THEN x.query ELSE '' END,
       format('{"id":%%s,"email":"player%%s@example.org","name":"Player %%s","note":"word%%s on friday","by":"%%s"}',
              x.id * 5 + p, x.id * 5 + p, x.id %% 977, (x.id * 5 + p) %% 1000, x.application_user)
  FROM audit_deleteaudittransaction x, LATERAL jsonb_object_keys(x.tables) k (key), generate_series(1, x.row_count) p
 WHERE x.id BETWEEN %(first)s AND %(last)s
