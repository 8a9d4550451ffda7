SELECT 'pg_catalog.pg_opclass'::pg_catalog.regclass, o.oid, 0, 'pg_catalog.pg_opclass'::pg_catalog.regclass, o.oid,
       pg_catalog.concat_ws(' ', pg_catalog.format_type(o.opcintype, NULL), CASE WHEN o.opcdefault THEN 'default' END,
                            'stores ' || pg_catalog.format_type(nullif(o.opckeytype, 0), NULL),
                            'in', f.opfnamespace::pg_catalog.regnamespace, f.opfname)
  FROM pg_catalog.pg_opclass AS o
  JOIN pg_catalog.pg_opfamily AS f ON f.oid = o.opcfamily
 WHERE o.oid >= 16384
