-- Tables of one shape: one without a trigger, one for tovgov, and three with triggers as people write them.
CREATE TABLE t_bare (id int PRIMARY KEY, name text, email text, price numeric, seen timestamptz, notes text);
CREATE TABLE t_captured (LIKE t_bare INCLUDING ALL);
CREATE TABLE t_row_by_row (LIKE t_bare INCLUDING ALL);
CREATE TABLE t_row_by_row_with_md5 (LIKE t_bare INCLUDING ALL);
CREATE TABLE t_row_by_row_only (LIKE t_bare INCLUDING ALL);

CREATE FUNCTION fill(target text, wanted int) RETURNS void LANGUAGE plpgsql SET search_path = public AS $$
BEGIN
    EXECUTE format(
        'INSERT INTO %I SELECT i, ''person '' || i, i || ''@example.org'', i / 7.0, now() - i * interval ''1 minute'','
        ' repeat(''words '', 10) FROM generate_series(1, %s) i', target, wanted);
    EXECUTE format('ANALYZE %I', target);
END $$;

-- What a trigger for each row keeps where somebody wants to know who it was: the facts that tovgov keeps, too.
CREATE TABLE log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, transaction_id xid8 DEFAULT pg_current_xact_id(),
    at timestamptz DEFAULT clock_timestamp(), session_role name DEFAULT session_user, role_in_force name DEFAULT current_user,
    client_address inet DEFAULT inet_client_addr(), application_name text DEFAULT current_setting('application_name'),
    query text DEFAULT current_query(), table_name text, record_id text, row jsonb);
CREATE INDEX ON log (transaction_id, id);
CREATE FUNCTION log_row() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS $$
BEGIN
    INSERT INTO log (table_name, row) VALUES (TG_TABLE_NAME, to_jsonb(OLD));
    RETURN OLD;
END $$;
CREATE TRIGGER log_row AFTER DELETE ON t_row_by_row FOR EACH ROW EXECUTE FUNCTION log_row();

-- The least that a trigger for each row can do: the row and its table, nothing of who or how.
CREATE TABLE log_of_rows (table_name text, row jsonb);
CREATE FUNCTION log_row_only() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS $$
BEGIN
    INSERT INTO log_of_rows VALUES (TG_TABLE_NAME, to_jsonb(OLD));
    RETURN OLD;
END $$;
CREATE TRIGGER log_row_only AFTER DELETE ON t_row_by_row_only FOR EACH ROW EXECUTE FUNCTION log_row_only();

-- As a well-known audit package does it: a stable id of the record, computed from its key.
CREATE FUNCTION log_row_md5() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS $$
BEGIN
    INSERT INTO log (table_name, record_id, row)
    SELECT TG_TABLE_NAME,
           md5(TG_RELID::text || (SELECT string_agg(to_jsonb(OLD) ->> a.attname, ',' ORDER BY a.attnum)
                                  FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
                                  WHERE i.indrelid = TG_RELID AND i.indisprimary)),
           to_jsonb(OLD);
    RETURN OLD;
END $$;
CREATE TRIGGER log_row_md5 AFTER DELETE ON t_row_by_row_with_md5 FOR EACH ROW EXECUTE FUNCTION log_row_md5();
