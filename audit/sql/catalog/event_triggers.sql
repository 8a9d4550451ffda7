SELECT 'pg_catalog.pg_event_trigger'::pg_catalog.regclass, e.oid, 0, 'pg_catalog.pg_event_trigger'::pg_catalog.regclass, e.oid,
       pg_catalog.concat_ws(' ', e.evtevent, e.evtfoid::pg_catalog.regprocedure, 'enabled', e.evtenabled, e.evttags::text)
  FROM pg_catalog.pg_event_trigger AS e
