-- Event triggers of a restored database must not write into it after its proof. Only a superuser's restore has any.
-- From 17 on all of them are switched off; before, those that are ENABLE ALWAYS speak on.
SELECT pg_catalog.set_config(s.name, CASE s.name WHEN 'event_triggers' THEN 'off' ELSE 'replica' END, false)
  FROM pg_catalog.pg_settings s
 WHERE s.name IN ('event_triggers', 'session_replication_role')
   AND (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)
