SELECT 'pg_catalog.pg_policy'::pg_catalog.regclass, p.oid, 0, 'pg_catalog.pg_class'::pg_catalog.regclass, p.polrelid,
       pg_catalog.concat_ws(
           ' ', CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END, 'for', p.polcmd,
           'to', ARRAY(SELECT CASE r WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(r)::text END
                         FROM unnest(p.polroles) AS r ORDER BY 1)::text,
           'using ' || pg_catalog.pg_get_expr(p.polqual, p.polrelid),
           'check ' || pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid))
  FROM pg_catalog.pg_policy AS p
