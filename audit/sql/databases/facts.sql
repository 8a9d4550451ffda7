-- Columns that came with a later version are read through jsonb, so that one statement serves 13 to 18.
SELECT d.datname::text AS name,
       pg_catalog.pg_get_userbyid(d.datdba)::text AS owner,
       pg_catalog.pg_encoding_to_char(d.encoding)::text AS encoding,
       d.datcollate::text AS collate,
       d.datctype::text AS ctype,
       coalesce(j.row ->> 'datlocprovider', 'c') AS locale_provider,
       coalesce(j.row ->> 'datlocale', j.row ->> 'daticulocale') AS locale,
       j.row ->> 'daticurules' AS icu_rules,
       s.spcname::text AS tablespace,
       d.datconnlimit AS connection_limit,
       d.datistemplate AS is_template,
       d.datallowconn AS allow_connections,
       pg_catalog.shobj_description(d.oid, 'pg_database') AS comment,
       CASE WHEN pg_catalog.has_database_privilege(d.oid, 'CONNECT')
              OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')
            THEN pg_catalog.pg_database_size(d.oid) END AS size
  FROM pg_catalog.pg_database AS d
  JOIN pg_catalog.pg_tablespace AS s ON s.oid = d.dattablespace,
       LATERAL (SELECT pg_catalog.to_jsonb(d)) AS j (row)
 WHERE d.datname = %s
