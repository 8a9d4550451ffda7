"""Full-text search over deleted rows and their transactions: the words of each, and an index over them.

The words are a function's, so that the index and every query mean the same. What is indexed is cut to 50,000
characters: a row of 50 MB must not keep an import from storing it. Names of tables stand among the words of a transaction
behind a sign that no word has, exactly as they are.
"""

from django.db import migrations

FORWARD = r"""
CREATE FUNCTION tovgov_row_words(table_name text, query text, "row" text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN to_tsvector('pg_catalog.simple'::regconfig, table_name || ' ' || left(query, 50000) || ' ' ||
        replace(replace(replace(left("row", 50000), '\n', ' '), '\r', ' '), '\t', ' '));

CREATE FUNCTION tovgov_transaction_words(query text, tables jsonb, session_role text, application_user text,
                                         application_name text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN to_tsvector('pg_catalog.simple'::regconfig, left(query, 50000) || ' ' || session_role || ' ' ||
            left(application_user, 1000) || ' ' || application_name || ' ' || replace(left(tables::text, 50000), '.', ' '))
        || array_to_tsvector(ARRAY(SELECT name FROM jsonb_object_keys(tables) key,
               LATERAL (VALUES (E'\x1f' || left(key, 200)),
                               (E'\x1f' || left(substr(key, strpos(key, '.') + 1), 200))) names (name) LIMIT 2000));

CREATE INDEX deleted_rows_words ON audit_deleteauditlog USING gin (tovgov_row_words(table_name, query, "row"));
CREATE INDEX deletes_words ON audit_deleteaudittransaction USING gin
    (tovgov_transaction_words(query, tables, session_role, application_user, application_name));
"""

BACKWARD = """
DROP INDEX deleted_rows_words;
DROP INDEX deletes_words;
DROP FUNCTION tovgov_row_words(text, text, text);
DROP FUNCTION tovgov_transaction_words(text, jsonb, text, text, text);
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_review_guard")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
