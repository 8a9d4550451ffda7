INSERT INTO audit_deleteaudittransaction (state, assignee_name, decided_by, closed_by, target_id, transaction, incarnation,
    at, last_at, session_role, role_in_force, application_user, client_address, application_name, query, tables, row_count,
    undeleted)
SELECT CASE WHEN n %% 10 < 7 THEN 'accepted' ELSE 'unreviewed' END, '', '', '',
       CASE WHEN n %% 5000 = 0 THEN %(small)s ELSE %(big)s END, 1000 + n, '1/1',
       t.at, t.at, CASE WHEN n %% 20000 = 3 THEN 'stray_script' ELSE 'tovplay_app' END, 'tovplay_app', 'user' || n %% 1000,
       CASE WHEN n %% 50000 = 5 THEN inet '10.9.9.9' ELSE inet '10.0.0.0' + (n %% 40)::int END, 'web',
       'DELETE FROM "' || t.name || '" WHERE owner = $1 AND created < now() - interval ''' || n %% 90 || ' days''',
       jsonb_build_object('public.' || t.name, %(each)s), %(each)s, 0
  FROM generate_series(1, %(transactions)s::bigint) n,
       LATERAL (SELECT timestamptz '2026-01-01' + n * (interval '300 days' / %(transactions)s) AS at,
                       CASE WHEN n %% 10000 = 7 THEN 'Invoice'
                            ELSE (ARRAY['Message', 'Session', 'GameRequest'])[1 + n %% 3] END AS name) t;

INSERT INTO audit_deleteauditlog (target_id, of_transaction_id, record, position, at, verb, table_oid, table_schema,
    table_name, key, masked, query, row)
SELECT x.target_id, x.id, x.id, p, x.at, 'DELETE', 16402, 'public', split_part(k.key, '.', 2),
       format('{"id":%%s}', x.id * %(each)s + p), '[]', CASE WHEN p = 1 THEN x.query ELSE '' END,
       format('{"id":%%s,"email":"player%%s@example.org","name":"Player %%s","note":"word%%s on friday","by":"%%s"}',
              x.id * %(each)s + p, x.id * %(each)s + p, x.id %% 977, (x.id * %(each)s + p) %% 1000, x.application_user)
  FROM audit_deleteaudittransaction x, LATERAL jsonb_object_keys(x.tables) k (key), generate_series(1, %(each)s) p
