-- Ninety days of log lines in nine hundred groups, of which a twentieth waits for somebody.
INSERT INTO audit_serverloggroup (state, assignee_name, decided_by, closed_by, target_id, day, kind, severity, fingerprint, role, title,
    at, last_at, count, is_noise, explained_by)
SELECT CASE WHEN n %% 20 = 0 THEN 'unreviewed' ELSE 'accepted' END, '', '', '', %(target)s, '2025-10-01'::date + n / 10, 'statement', 40, n,
       'web', 'statement ' || n, '2025-10-01'::timestamptz + n / 10 * interval '1 day', '2025-10-01', 0, false, ''
  FROM generate_series(0, 899) n;

INSERT INTO audit_serverlogentry (target_id, source_id, file_id, of_group_id, leaf, "offset", at, level, sqlstate, kind, severity, session,
    role, database, address, application, command, message, detail, query, more)
SELECT %(target)s, %(source)s, %(file)s, g.first + n * 900 / %(rows)s, n, n * 200, '2025-10-01'::timestamptz + n * (interval '90 days' / %(rows)s),
       'LOG', '00000', 'statement', 40, '', 'web', 'shop', '10.0.0.7', 'web', '', 'statement ' || n * 900 / %(rows)s || ' took ' || n, '',
       'SELECT x.id, x.name, x.email FROM "User" x WHERE x.id = $1', ''
  FROM (SELECT min(id) AS first FROM audit_serverloggroup WHERE target_id = %(target)s) g, generate_series(0, %(rows)s - 1) n ORDER BY n
