-- The part yields the object, what it belongs to and its definition. Members of an extension are left out: the
-- extension and its version stand for them.
SELECT i.type || ' ' || i.identity, coalesce(q.definition, '')
  FROM ({part}) AS q (class, object, sub, holder_class, holder, definition),
       LATERAL pg_catalog.pg_identify_object(q.class, q.object, q.sub) AS i
 WHERE i.identity IS NOT NULL
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                    WHERE d.classid = q.holder_class AND d.objid = q.holder AND d.deptype = 'e')
