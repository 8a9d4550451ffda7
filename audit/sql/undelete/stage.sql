-- The deleted rows, as text, for this transaction only. state: wanted, older (the same key was deleted again later),
-- there (an equal row is in the table), taken (another row has its key), unique (another row has a unique value of it),
-- orphan (no parent), put. at_table and at say where a row was put.
CREATE TEMPORARY TABLE tovgov_undelete (
    id       bigint NOT NULL,
    part     integer NOT NULL,
    log      bigint NOT NULL,
    of       bigint NOT NULL,
    row      json NOT NULL,
    state    text NOT NULL DEFAULT 'wanted',
    at_table oid,
    at       tid
) ON COMMIT DROP
