SELECT 'pg_catalog.pg_opfamily'::pg_catalog.regclass, f.oid, 0, 'pg_catalog.pg_opfamily'::pg_catalog.regclass, f.oid,
       pg_catalog.concat_ws(
           ' ',
           (SELECT string_agg(pg_catalog.concat_ws(' ', o.amopstrategy, o.amopopr::pg_catalog.regoperator, o.amoppurpose,
                                                   nullif(o.amopsortfamily, 0) IS NOT NULL), ', '
                              ORDER BY o.amopstrategy, o.amopopr::pg_catalog.regoperator::text COLLATE "C")
              FROM pg_catalog.pg_amop AS o WHERE o.amopfamily = f.oid),
           (SELECT string_agg(pg_catalog.concat_ws(' ', p.amprocnum, p.amproc::pg_catalog.regprocedure,
                                                   pg_catalog.format_type(p.amproclefttype, NULL),
                                                   pg_catalog.format_type(p.amprocrighttype, NULL)), ', '
                              ORDER BY p.amprocnum, p.amproc::pg_catalog.regprocedure::text COLLATE "C")
              FROM pg_catalog.pg_amproc AS p WHERE p.amprocfamily = f.oid))
  FROM pg_catalog.pg_opfamily AS f
 WHERE f.oid >= 16384
