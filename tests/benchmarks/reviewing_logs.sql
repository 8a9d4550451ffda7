-- Connections and log lines of five targets in ninety days, in the order in which they come. A few kinds make up most of it.
CREATE TEMPORARY TABLE IF NOT EXISTS line (
    n bigint, target bigint, at timestamptz, k int, group_id bigint, name text, role text, kind text, severity int
);
TRUNCATE line;

-- Five hundred alike connections a target and day, the first ones by far the most frequent.
INSERT INTO line (n, target, at, k, group_id, role)
SELECT n, (%(targets)s::bigint[])[u.place], t.at, u.k, 1 + (t.day * 5 + u.place - 1) * 500 + u.k,
       CASE WHEN u.k = 497 AND t.day %% 5 = 3 THEN 'stray_script' ELSE 'role' || u.k %% 60 END
  FROM generate_series(%(first)s::bigint, %(last)s::bigint) n,
       LATERAL (SELECT timestamptz '2026-01-01' + n * (interval '90 days' / %(all)s)) m (at),
       LATERAL (SELECT m.at, m.at::date - date '2026-01-01' AS day) t,
       LATERAL (SELECT (hashint8extended(n, 1) & 2147483647) / 2147483648.0::float8 AS a,
                       floor(500 * ((hashint8extended(n, 2) & 2147483647) / 2147483648.0::float8) ^ 3)::int AS k) h,
       LATERAL (SELECT h.k, CASE WHEN h.a < 0.70 THEN 1 WHEN h.a < 0.90 THEN 2 WHEN h.a < 0.96 THEN 3 WHEN h.a < 0.999 THEN 4 ELSE 5
                END AS place) u;

INSERT INTO audit_connectionauditlog (target_id, import_source_id, of_group_id, leaf, at, seen_at, source, pid, session, role, database,
    client_address, client_host, application_name, tls, method, outcome, reason, ended_at, same_as)
SELECT target, %(source)s, group_id, n - 1, at, at, 'server log', n %% 4000000, to_hex(n) || '.' || to_hex(n %% 32768), role, 'TovPlay',
       CASE WHEN k %% 25 > 0 THEN inet '10.0.0.0' + k END, '', 'app' || k %% 7 || '-' || k, true, 'scram-sha-256',
       CASE WHEN k %% 40 = 39 THEN 'failed password' WHEN k %% 250 = 101 THEN 'unknown database' ELSE 'accepted' END,
       CASE WHEN k %% 40 = 39 THEN 'password authentication failed for user "' || role || '"' ELSE '' END, at + interval '20 s',
       CASE WHEN n %% 50 = 0 THEN n + 1 END
  FROM line ORDER BY n;

INSERT INTO audit_connectiongroup (id, state, assignee_id, assignee_name, decided_by, closed_by, target_id, day, role, database,
    client_address, application_name, outcome, at, last_at, count, new, is_noise)
SELECT group_id, CASE WHEN group_id %% 100 = 9 THEN 'in review' WHEN group_id %% 10 = 4 OR min(n) > 0.98 * %(all)s THEN 'unreviewed'
                      ELSE 'accepted' END,
       CASE WHEN group_id %% 100 = 9 THEN %(person)s END, CASE WHEN group_id %% 100 = 9 THEN 'bench' ELSE '' END, '', '', target,
       min(at)::date, min(role), 'TovPlay', CASE WHEN k %% 25 > 0 THEN inet '10.0.0.0' + k END, 'app' || k %% 7 || '-' || k,
       CASE WHEN k %% 40 = 39 THEN 'failed password' WHEN k %% 250 = 101 THEN 'unknown database' ELSE 'accepted' END, min(at), max(at),
       count(*), CASE WHEN k > 480 THEN '["address"]'::jsonb ELSE '[]' END, k %% 40 <> 39 AND k %% 250 <> 101 AND k <= 480
  FROM line GROUP BY group_id, target, k
    ON CONFLICT (id) DO UPDATE SET count = audit_connectiongroup.count + excluded.count, last_at = excluded.last_at;

TRUNCATE line;

-- A thousand kinds of messages a target and day: a fifth are of one kind, most are rare.
INSERT INTO line (n, target, at, k, group_id, name, role, kind, severity)
SELECT n, (%(targets)s::bigint[])[u.place], t.at, u.k, 1 + (t.day * 5 + u.place - 1) * 1000 + u.k, 'table' || u.k %% 300,
       CASE WHEN u.k = 997 AND t.day %% 5 = 3 THEN 'stray_script' ELSE 'role' || u.k %% 60 END, c.kind, c.severity
  FROM generate_series(%(first)s::bigint, %(last)s::bigint) n,
       LATERAL (SELECT timestamptz '2026-01-01' + n * (interval '90 days' / %(all)s)) m (at),
       LATERAL (SELECT m.at, m.at::date - date '2026-01-01' AS day) t,
       LATERAL (SELECT (hashint8extended(n, 4) & 2147483647) / 2147483648.0::float8 AS a,
                       floor(1000 * ((hashint8extended(n, 5) & 2147483647) / 2147483648.0::float8) ^ 4)::int AS k) h,
       LATERAL (SELECT h.k, CASE WHEN h.a < 0.70 THEN 1 WHEN h.a < 0.90 THEN 2 WHEN h.a < 0.96 THEN 3 WHEN h.a < 0.999 THEN 4 ELSE 5
                END AS place) u,
       LATERAL (SELECT CASE WHEN h.k = 993 AND t.day %% 10 = 6 THEN 'drop-database' WHEN h.k %% 40 = 39 THEN 'failed-password'
                            WHEN h.k %% 100 = 98 THEN 'deadlock' WHEN h.k %% 10 = 7 THEN 'constraint-violation'
                            WHEN h.k %% 10 = 3 THEN 'slow-statement' WHEN h.k %% 10 = 1 THEN 'checkpoint'
                            WHEN h.k %% 10 = 5 THEN 'autovacuum' ELSE 'statement' END,
                       CASE WHEN h.k = 993 AND t.day %% 10 = 6 THEN 50 WHEN h.k %% 40 = 39 THEN 40 WHEN h.k %% 100 = 98 THEN 30
                            WHEN h.k %% 10 IN (7, 3) THEN 20 ELSE 10 END) c (kind, severity);

INSERT INTO audit_serverlogentry (target_id, source_id, file_id, of_group_id, leaf, "offset", at, level, sqlstate, kind, severity, pid,
    session, line, role, database, address, application, command, message, detail, query, more)
SELECT target, %(source)s, %(file)s, group_id, n - 1, n * 200, at, CASE WHEN severity >= 40 THEN 'FATAL' WHEN severity > 10 THEN 'ERROR' ELSE 'LOG' END,
       CASE kind WHEN 'failed-password' THEN '28P01' WHEN 'deadlock' THEN '40P01' WHEN 'constraint-violation' THEN '23505' ELSE '00000' END,
       kind, severity, n %% 4000000, to_hex(n / 20) || '.' || to_hex(n / 20 %% 32768), n %% 20, role, 'TovPlay',
       CASE WHEN k %% 25 > 0 THEN '10.0.0.' || k %% 250 ELSE '' END, 'web', '',
       format('%%s in relation "%%s" after %%s ms for request%%s of topic%%s', replace(kind, '-', ' '), name, n %% 5000, n, k),
       CASE WHEN k %% 10 = 7 THEN format('Key (email)=(player%%s@example.org) already exists.', n %% 1000000) ELSE '' END,
       CASE WHEN k %% 10 IN (3, 7)
            THEN format('SELECT x.id, x.name, x.email FROM "%%s" x JOIN "User" u ON u.id = x.owner WHERE x.word%%s > $1 ORDER BY x.created LIMIT 20',
                        name, n %% 1000) ELSE '' END, ''
  FROM line ORDER BY n;

INSERT INTO audit_serverloggroup (id, state, assignee_id, assignee_name, decided_by, closed_by, target_id, day, kind, severity, fingerprint,
    role, title, at, last_at, count, is_noise, explained_by)
SELECT group_id, CASE WHEN group_id %% 100 = 9 THEN 'in review' WHEN group_id %% 10 = 4 OR min(n) > 0.98 * %(all)s THEN 'unreviewed'
                      ELSE 'accepted' END,
       CASE WHEN group_id %% 100 = 9 THEN %(person)s END, CASE WHEN group_id %% 100 = 9 THEN 'bench' ELSE '' END, '', '', target,
       min(at)::date, kind, severity, k, min(role),
       format('%%s in relation "%%s" after %%s ms for request%%s of topic%%s', replace(kind, '-', ' '), name, min(n) %% 5000, min(n), k),
       min(at), max(at), count(*), severity < 40, ''
  FROM line GROUP BY group_id, target, k, kind, severity, name
    ON CONFLICT (id) DO UPDATE SET count = audit_serverloggroup.count + excluded.count, last_at = excluded.last_at
