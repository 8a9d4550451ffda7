"""What the rules about new clients share: groups of let-in sessions in which something is not known of the target."""

from __future__ import annotations

from audit.anomalies.setting import Setting

NEW = (
    Setting(
        "days",
        "Only after, in days",
        7,
        "On a target whose first connections are younger everything is new, and nothing is told.",
        most=365,
    ),
)


def clients_sql(word: str, *, key: str) -> str:
    """Hits are the groups of alike connections of a day whose ``word`` is new, or was refused as a client."""
    return f"""
        SELECT {key} AS key, g.at, 'connectiongroup' AS kind, g.id AS object_id, g.count AS weight,
               concat_ws(' ', g.role, 'in', g.database, 'from', COALESCE(host(g.client_address), 'the server itself'),
                         g.application_name) AS line
          FROM audit_connectiongroup g
         WHERE g.target_id = %(target)s AND g.at BETWEEN %(from)s AND %(until)s AND g.outcome = 'accepted'
           AND (g.new @> '["{word}"]' OR g.new @> '["refused {word}"]')
           AND EXISTS (SELECT FROM audit_connectiongroup o
                        WHERE o.target_id = g.target_id AND o.at < g.at - make_interval(days => %(days)s))
    """  # noqa: S608  # our own text
