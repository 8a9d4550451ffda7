-- Tables with rows of their own: ordinary ones and the roots of partitioned ones; partitions name their root.
-- Members of extensions, foreign and temporary tables are no part of a merge.
SELECT c.oid::bigint AS oid,
       n.nspname::text AS schema,
       c.relname::text AS name,
       c.relkind = 'p' AS is_partitioned,
       (SELECT rn.nspname::text FROM pg_catalog.pg_class AS rc JOIN pg_catalog.pg_namespace AS rn
            ON rn.oid = rc.relnamespace WHERE c.relispartition AND rc.oid = pg_catalog.pg_partition_root(c.oid)
       ) AS root_schema,
       (SELECT rc.relname::text FROM pg_catalog.pg_class AS rc
         WHERE c.relispartition AND rc.oid = pg_catalog.pg_partition_root(c.oid)) AS root_name,
       o.rolname::text AS owner,
       pg_catalog.pg_has_role(c.relowner, 'MEMBER') AND NOT c.relforcerowsecurity AS can_be_owner
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_roles AS o ON o.oid = c.relowner
 WHERE c.relkind IN ('r', 'p')
   AND c.relpersistence IN ('p', 'u')
   AND n.nspname !~ '^pg_'
   AND n.nspname <> 'information_schema'
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                      AND d.objid = c.oid AND d.deptype = 'e')
 ORDER BY n.nspname, c.relname
