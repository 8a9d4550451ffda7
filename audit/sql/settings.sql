-- Values read the same from every server, and nothing ends a long transaction from the server's side.
-- row_security = off: a row that a policy hides is an error, not a smaller count.
SELECT pg_catalog.set_config(s.name, wanted.value, true)
  FROM (VALUES ('DateStyle', 'ISO, YMD'),
               ('IntervalStyle', 'postgres'),
               ('TimeZone', 'UTC'),
               ('extra_float_digits', '1'),
               ('bytea_output', 'hex'),
               ('lc_monetary', 'C'),
               ('xmlbinary', 'base64'),
               ('quote_all_identifiers', 'off'),
               ('search_path', ''),
               ('row_security', 'off'),
               ('jit', 'off'),
               ('statement_timeout', '0'),
               ('idle_in_transaction_session_timeout', '0'),
               ('transaction_timeout', '0')) AS wanted (name, value)
  JOIN pg_catalog.pg_settings AS s ON s.name = wanted.name
