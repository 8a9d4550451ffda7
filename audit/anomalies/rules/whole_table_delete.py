"""A table was emptied by DELETE."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from audit import registry
from audit.anomalies.rule import Log, Rule
from audit.anomalies.setting import Setting
from audit.models import Severity, Target

SQL = r"""
    WITH counts AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(%(counts)s) AS c(name text, rows bigint, since timestamptz, until timestamptz)
    ), gone AS (
        SELECT d.id, d.at, d.session_role, d.query, t.key AS name, t.value::bigint AS rows
          FROM audit_deleteaudittransaction d CROSS JOIN LATERAL jsonb_each_text(d.tables) AS t
         WHERE d.target_id = %(target)s AND d.at BETWEEN %(from)s AND %(until)s AND t.value::bigint >= %(least)s
    )
    SELECT g.name AS key, g.at, 'deleteaudittransaction' AS kind, g.id AS object_id, g.rows AS weight,
           concat_ws(' ', g.session_role, g.rows::text, 'of', c.rows::text, 'rows,', left(g.query, 160)) AS line
      FROM gone g LEFT JOIN counts c ON c.name = g.name AND g.at >= c.since AND g.at < c.until
     WHERE g.rows * 100 >= c.rows * %(share)s
        OR g.query ~* '^\s*delete\s+from\s+(only\s+)?[^\s;]+(\s+(as\s+)?[a-z_]+)?\s*;?\s*$'
"""


def counts_of(target: Target, now: datetime) -> dict[str, Any]:
    """How many rows each table is known to have had, and from when until when that was the newest count."""
    known = sorted(
        (count for source in registry.table_counts for count in source(target)), key=lambda one: (one[0], one[2])
    )
    return {"counts": Jsonb(list(_spans(known)))}


def _spans(known: list[registry.TableCount]) -> Iterator[dict[str, Any]]:
    for place, (name, rows, at) in enumerate(known):
        after = known[place + 1] if place + 1 < len(known) else None
        until = after[2].isoformat() if after is not None and after[0] == name else "infinity"
        yield {"name": name, "rows": rows, "since": at.isoformat(), "until": until}


RULE = Rule(
    code="whole-table-delete",
    label="Whole table deleted",
    means="A DELETE took nearly all rows that the table had when it was last counted, or had no WHERE at all.",
    todo="If nobody meant it: stop the application from writing to that table, then put the rows back from the"
    " delete that it cites. If rows changed since, look at the dry run first.",
    title="{target}: {key} was emptied: {rows} deleted at {first}.",
    sql=SQL,
    reads=(Log.DELETES,),
    severity=Severity.CRITICAL,
    opens_incident=True,
    thresholds=(
        Setting(
            "share", "Share of its rows, in percent", 90, "Of the rows at the last proved count.", least=1, most=100
        ),
        Setting("least", "And at least so many rows", 10, "Smaller tables are left out.", least=1),
    ),
    facts=counts_of,
)
