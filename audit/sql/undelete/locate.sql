-- Tables by oid, or by schema and name. can_be_owner: what runs there may run as the owner instead of as us; is_forced:
-- it cannot only because row security binds the owner too.
SELECT c.oid::bigint AS oid,
       n.nspname::text AS schema,
       c.relname::text AS name,
       c.relkind::text AS kind,
       coalesce(pg_catalog.pg_partition_root(c.oid), c.oid)::bigint AS root,
       o.rolname::text AS owner,
       pg_catalog.pg_has_role(c.relowner, 'MEMBER') AND NOT (c.relforcerowsecurity AND c.relrowsecurity) AS can_be_owner,
       pg_catalog.pg_has_role(c.relowner, 'MEMBER') AND c.relforcerowsecurity AND c.relrowsecurity AS is_forced,
       pg_catalog.row_security_active(c.oid)
           AND (c.relforcerowsecurity OR NOT pg_catalog.pg_has_role(c.relowner, 'MEMBER')) AS is_hidden,
       EXISTS (SELECT FROM pg_catalog.pg_rewrite AS w
                WHERE w.ev_class = c.oid AND w.ev_type = '3' AND w.ev_enabled <> 'D') AS has_rules
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_roles AS o ON o.oid = c.relowner
 WHERE c.relpersistence <> 't'
   AND (c.oid::bigint = ANY (%(oids)s::bigint[])
        OR (n.nspname::text, c.relname::text) IN (
            SELECT * FROM ROWS FROM (unnest(%(schemas)s::text[]), unnest(%(names)s::text[])) AS w (schema, name)))
