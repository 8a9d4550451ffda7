-- What the foreign key's own trigger would do: nobody may remove these parents until we are done.
SELECT FROM {parent} AS p
 WHERE EXISTS (SELECT FROM pg_temp.tovgov_undelete AS s
                CROSS JOIN LATERAL pg_catalog.json_to_record(s.row) AS r ({definitions})
                WHERE s.part = {part} AND s.state = 'wanted' AND {match})
   FOR KEY SHARE OF p
