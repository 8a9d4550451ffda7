-- committed, aborted, in progress, or NULL when the server has forgotten it.
SELECT pg_catalog.pg_xact_status({transaction}::text::xid8)
