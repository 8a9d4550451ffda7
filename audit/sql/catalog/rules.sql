SELECT 'pg_catalog.pg_rewrite'::pg_catalog.regclass, r.oid, 0, 'pg_catalog.pg_class'::pg_catalog.regclass, r.ev_class,
       pg_catalog.concat_ws(' ', pg_catalog.pg_get_ruledef(r.oid), 'enabled', r.ev_enabled)
  FROM pg_catalog.pg_rewrite AS r
  JOIN pg_catalog.pg_class AS c ON c.oid = r.ev_class
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE r.rulename <> '_RETURN'
   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
