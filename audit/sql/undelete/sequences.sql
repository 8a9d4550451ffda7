-- Sequences that give a whole-number column its values: owned, identity, or named by its default.
WITH wanted AS (
    SELECT w.oid, coalesce(pg_catalog.pg_partition_root(w.oid::oid::regclass), w.oid::oid) AS root
      FROM unnest(%(oids)s::bigint[]) AS w (oid)
), gives AS (
    SELECT d.refobjid AS relid, d.refobjsubid AS num, d.objid AS seq
      FROM pg_catalog.pg_depend AS d
     WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
       AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
       AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
    UNION
    SELECT ad.adrelid, ad.adnum, d.refobjid
      FROM pg_catalog.pg_attrdef AS ad
      JOIN pg_catalog.pg_depend AS d
        ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.objid = ad.oid
       AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
)
SELECT DISTINCT w.oid,
       a.attname::text AS "column",
       n.nspname::text AS schema,
       s.relname::text AS name,
       q.seqincrement AS increment,
       o.rolname::text AS owner
  FROM wanted AS w
  JOIN gives AS g ON g.relid IN (w.oid::oid, w.root)
  JOIN pg_catalog.pg_sequence AS q ON q.seqrelid = g.seq
  JOIN pg_catalog.pg_class AS s ON s.oid = g.seq
  JOIN pg_catalog.pg_namespace AS n ON n.oid = s.relnamespace
  JOIN pg_catalog.pg_roles AS o ON o.oid = s.relowner
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = g.relid AND a.attnum = g.num
 WHERE a.atttypid IN ('pg_catalog.int2'::pg_catalog.regtype, 'pg_catalog.int4'::pg_catalog.regtype,
                      'pg_catalog.int8'::pg_catalog.regtype)
 ORDER BY 1, 3, 4, 2
