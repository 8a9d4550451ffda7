-- is_users: a type that somebody made. has_casts: to_json may run somebody's code here, so the log wrote such types as
-- plain text (tovgov.plain_columns).
SELECT a.attrelid::bigint AS oid,
       a.attname::text AS name,
       pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
       y.typname::text AS base,
       a.attnotnull OR y.typnotnull AS not_null,
       pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS "default",
       a.attgenerated <> '' AS is_generated,
       a.attidentity <> '' AS is_identity,
       yn.nspname::text AS type_schema,
       a.atttypid >= 16384 AS is_users,
       EXISTS (SELECT FROM pg_catalog.pg_cast AS k
                WHERE k.oid >= 16384
                  AND k.casttarget IN ('pg_catalog.json'::pg_catalog.regtype, 'pg_catalog.jsonb'::pg_catalog.regtype)
       ) AS has_casts
  FROM pg_catalog.pg_attribute AS a
  JOIN pg_catalog.pg_type AS y ON y.oid = a.atttypid
  JOIN pg_catalog.pg_namespace AS yn ON yn.oid = y.typnamespace
  LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE a.attrelid::bigint = ANY (%(oids)s::bigint[]) AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attrelid, a.attnum
