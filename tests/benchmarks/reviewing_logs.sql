INSERT INTO audit_importsource (target_id, kind, name, settings, is_active, incarnation, position, imported, error_code, error)
VALUES (%(big)s, 'folder', 'bench', '{}', true, '', '{}', '{}', '', '');

INSERT INTO audit_logfile (source_id, identity, head, head_bytes, name, size, modified, "offset", records, format, encoding, pending, state,
    seen_at, faults, error_code, error)
SELECT id, 'bench', '', 0, 'bench.csv', 0, 0, 0, 0, 'csvlog', '', '{}', 'read', now(), '[]', '', '' FROM audit_importsource
 WHERE name = 'bench';

INSERT INTO audit_connectiongroup (state, assignee_name, decided_by, closed_by, target_id, day, role, database, client_address,
    application_name, outcome, at, last_at, count, new, is_noise)
SELECT CASE WHEN n %% 10 < 7 THEN 'accepted' ELSE 'unreviewed' END, '', '', '', %(big)s, t.at::date,
       CASE WHEN n %% 1000 = 3 THEN 'stray_script' ELSE 'role' || n %% 200 END, 'TovPlay', inet '10.0.0.0' + (n %% 4000)::int,
       'app' || n %% 7 || '-' || n, CASE WHEN n %% 50 = 0 THEN 'failed password' ELSE 'accepted' END, t.at, t.at, 10,
       CASE WHEN n %% 20 = 0 THEN '["address"]'::jsonb ELSE '[]' END, n %% 10 <> 0 AND n %% 50 <> 0
  FROM generate_series(1, %(groups)s::bigint) n,
       LATERAL (SELECT timestamptz '2026-01-01' + n * (interval '300 days' / %(groups)s) AS at) t;

INSERT INTO audit_connectionauditlog (target_id, of_group_id, at, seen_at, source, pid, session, role, database, client_address,
    client_host, application_name, tls, method, outcome, reason, ended_at)
SELECT g.target_id, g.id, g.at + p * interval '1 s', g.at, 'server log', p, '', g.role, g.database, g.client_address, '',
       g.application_name, true, 'scram-sha-256', g.outcome, CASE WHEN g.outcome <> 'accepted' THEN 'no ' || g.id ELSE '' END, g.at
  FROM audit_connectiongroup g, generate_series(1, %(each)s) p;

INSERT INTO audit_serverloggroup (state, assignee_name, decided_by, closed_by, target_id, day, kind, severity, fingerprint, role,
    title, at, last_at, count, is_noise)
SELECT CASE WHEN n %% 10 < 7 THEN 'accepted' ELSE 'unreviewed' END, '', '', '', %(big)s, t.at::date, k.kind, k.severity, n,
       CASE WHEN n %% 1000 = 3 THEN 'stray_script' ELSE 'role' || n %% 200 END, k.kind || ' of word' || n %% 1000, t.at, t.at, 10,
       k.severity < 40
  FROM generate_series(1, %(groups)s::bigint) n,
       LATERAL (SELECT timestamptz '2026-01-01' + n * (interval '300 days' / %(groups)s) AS at) t,
       LATERAL (SELECT CASE WHEN n %% 10000 = 7 THEN 'drop-database' WHEN n %% 100 < 4 THEN 'failed-password'
                            WHEN n %% 10 < 5 THEN 'checkpoint' ELSE 'connection-authorized' END AS kind,
                       CASE WHEN n %% 10000 = 7 THEN 50 WHEN n %% 100 < 4 THEN 40 WHEN n %% 10 < 5 THEN 20 ELSE 10 END
                       AS severity) k;

INSERT INTO audit_serverlogentry (target_id, source_id, file_id, of_group_id, leaf, "offset", at, level, sqlstate, kind, severity,
    pid, session, line, role, database, address, application, command, message, detail, query, more)
SELECT g.target_id, f.source_id, f.id, g.id, g.id * %(each)s + p, g.id * 200 + p, g.at + p * interval '1 s',
       CASE WHEN g.severity > 30 THEN 'FATAL' ELSE 'LOG' END, CASE WHEN g.severity > 30 THEN '28P01' ELSE '00000' END, g.kind,
       g.severity, p, '69b2.' || g.id, p, g.role, 'TovPlay', '10.0.0.7', 'web', '',
       g.title || ' number ' || g.id * %(each)s + p || ' wrote 1234 buffers (7.5 percent) in 12.3 s', '', '', ''
  FROM audit_serverloggroup g, (SELECT * FROM audit_logfile WHERE identity = 'bench') f, generate_series(1, %(each)s) p;
