-- Besides settings.sql: how values are read, and how long we wait for somebody's lock.
SELECT pg_catalog.set_config('xmloption', 'content', true), pg_catalog.set_config('lock_timeout', {lock_timeout}, true)
