-- What belongs to the database itself and is in no dump: owner, comment, grants and settings, each in an order of ours.
SELECT d.datdba::regrole::text AS owner,
       shobj_description(d.oid, 'pg_database') AS comment,
       array(SELECT grant_::text FROM unnest(d.datacl) AS grant_ ORDER BY 1) AS grants,
       array(SELECT s.setrole::regrole::text || ': ' || setting
             FROM pg_db_role_setting AS s, unnest(s.setconfig) AS setting
             WHERE s.setdatabase = d.oid ORDER BY 1) AS settings
FROM pg_database AS d
WHERE d.datname = {database}
