SELECT pg_catalog.has_column_privilege('pg_catalog.pg_subscription', 'subname', 'SELECT')
       AND pg_catalog.has_column_privilege('pg_catalog.pg_subscription', 'subenabled', 'SELECT')
