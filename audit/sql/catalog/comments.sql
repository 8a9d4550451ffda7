-- Comments on extensions are left out: only a superuser can restore them.
SELECT d.classoid, d.objoid, d.objsubid, d.classoid, d.objoid, 'comment ' || d.description
  FROM pg_catalog.pg_description AS d
 WHERE d.classoid <> 'pg_catalog.pg_extension'::pg_catalog.regclass
   AND (d.objoid >= 16384
        OR d.classoid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND d.objoid = pg_catalog.to_regnamespace('public'))
