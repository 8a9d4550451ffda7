SELECT s.classoid, s.objoid, s.objsubid, s.classoid, s.objoid, 'label ' || s.provider || ' ' || s.label
  FROM pg_catalog.pg_seclabel AS s
