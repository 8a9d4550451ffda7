-- Everything whose change could hide a loss, an object a line: kind, name (or oid, where names may change), definition.
SELECT 'schema' AS kind, n.oid::text AS object, pg_catalog.concat_ws(' ', n.nspname, n.nspowner, n.nspacl) AS definition
FROM pg_catalog.pg_namespace n WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
UNION ALL
SELECT 'relation', c.oid::text,
       pg_catalog.concat_ws(' ', n.nspname, c.relname, c.relkind, c.relowner, c.relrowsecurity, c.relforcerowsecurity,
           c.relispartition, c.relpersistence, c.reloptions, c.relacl)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
UNION ALL
SELECT 'column', a.attrelid::text || ' ' || a.attnum::text,
       pg_catalog.concat_ws(' ', a.attname, a.attisdropped, a.atttypid, a.atttypmod, a.attnotnull, a.attgenerated, a.attidentity, a.attacl)
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE a.attnum > 0 AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
UNION ALL
SELECT 'constraint', k.oid::text, pg_catalog.concat_ws(' ', k.conname, k.conrelid, k.convalidated, k.condeferrable)
FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_namespace n ON n.oid = k.connamespace
WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
UNION ALL
SELECT 'trigger', t.oid::text, pg_catalog.concat_ws(' ', t.tgname, t.tgrelid, t.tgenabled, t.tgfoid, t.tgtype, t.tgqual, t.tgargs)
FROM pg_catalog.pg_trigger t
UNION ALL
SELECT 'event trigger', e.oid::text, pg_catalog.concat_ws(' ', e.evtname, e.evtenabled, e.evtfoid, e.evtevent, e.evttags)
FROM pg_catalog.pg_event_trigger e
UNION ALL
SELECT 'function', p.oid::text,
       pg_catalog.concat_ws(' ', p.proname, p.proowner, p.prosecdef, p.proconfig, p.proacl, pg_catalog.md5(p.prosrc))
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
UNION ALL
SELECT 'type', t.oid::text, pg_catalog.concat_ws(' ', t.typname, t.typowner, t.typacl)
FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
UNION ALL
SELECT 'rule', r.oid::text, pg_catalog.concat_ws(' ', r.rulename, r.ev_class, r.ev_enabled)
FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class c ON c.oid = r.ev_class
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
UNION ALL
SELECT 'policy', p.oid::text, pg_catalog.concat_ws(' ', p.polname, p.polrelid, p.polcmd) FROM pg_catalog.pg_policy p
UNION ALL
SELECT 'inheritance', i.inhrelid::text || ' ' || i.inhparent::text, i.inhdetachpending::text FROM pg_catalog.pg_inherits i
UNION ALL
SELECT 'extension', x.oid::text, pg_catalog.concat_ws(' ', x.extname, x.extowner, x.extnamespace) FROM pg_catalog.pg_extension x
UNION ALL
SELECT 'large object', l.oid::text, pg_catalog.concat_ws(' ', l.lomowner, l.lomacl) FROM pg_catalog.pg_largeobject_metadata l
UNION ALL
SELECT 'subscription', s.oid::text, pg_catalog.concat_ws(' ', s.subname, s.subowner)
FROM pg_catalog.pg_subscription s
JOIN pg_catalog.pg_database d ON d.oid = s.subdbid AND d.datname = pg_catalog.current_database()
UNION ALL
SELECT 'database', d.oid::text,
       pg_catalog.concat_ws(' ', d.datname, d.datdba, d.datistemplate, d.datallowconn, d.datconnlimit, d.datacl)
FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
UNION ALL
SELECT 'setting', s.setdatabase::text || ' ' || s.setrole::text, s.setconfig::text
FROM pg_catalog.pg_db_role_setting s
JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase AND d.datname = pg_catalog.current_database()
UNION ALL
SELECT 'role', r.rolname::text, pg_catalog.concat_ws(' ', r.rolsuper, r.rolcanlogin, r.rolcreatedb, r.rolcreaterole, r.rolbypassrls)
FROM pg_catalog.pg_roles r WHERE r.rolname IN ('tovgov_guard', 'tovgov_owner') OR r.rolname LIKE {roles}
UNION ALL
SELECT 'membership', m.roleid::text || ' ' || m.member::text, m.admin_option::text
FROM pg_catalog.pg_auth_members m
JOIN pg_catalog.pg_roles r ON r.oid = m.member
WHERE r.rolname LIKE {roles} OR r.rolname IN ('tovgov_guard', 'tovgov_owner')
