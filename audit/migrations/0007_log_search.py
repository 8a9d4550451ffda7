r"""Full-text search over connections and server logs; see ``0004_search``.

The entries of server logs come by tens of thousands a second: no index over their words is kept. Their groups have one;
single entries are searched by a walk along the list.
"""

from django.db import migrations

FORWARD = r"""
CREATE FUNCTION tovgov_connection_group_words(role text, database text, application_name text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN to_tsvector('pg_catalog.simple'::regconfig, role || ' ' || database || ' ' || application_name);

CREATE FUNCTION tovgov_connection_words(role text, database text, application_name text, client_host text,
                                        reason text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN to_tsvector('pg_catalog.simple'::regconfig, role || ' ' || database || ' ' || application_name || ' ' ||
        client_host || ' ' || left(reason, 50000));

CREATE FUNCTION tovgov_log_group_words(title text, kind text, role text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN to_tsvector('pg_catalog.simple'::regconfig, left(title, 50000) || ' ' || kind || ' ' || role);

CREATE FUNCTION tovgov_log_words(message text, detail text, query text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN to_tsvector('pg_catalog.simple'::regconfig, left(message, 50000) || ' ' || left(detail, 50000) || ' ' ||
        left(query, 50000));

CREATE INDEX connection_groups_words ON audit_connectiongroup USING gin
    (tovgov_connection_group_words(role, database, application_name));
CREATE INDEX connections_words ON audit_connectionauditlog USING gin
    (tovgov_connection_words(role, database, application_name, client_host, reason));
CREATE INDEX log_groups_words ON audit_serverloggroup USING gin (tovgov_log_group_words(title, kind, role));
"""

BACKWARD = """
DROP INDEX connection_groups_words;
DROP INDEX connections_words;
DROP INDEX log_groups_words;
DROP FUNCTION tovgov_connection_group_words(text, text, text);
DROP FUNCTION tovgov_connection_words(text, text, text, text, text);
DROP FUNCTION tovgov_log_group_words(text, text, text);
DROP FUNCTION tovgov_log_words(text, text, text) CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0006_seal_guard")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
