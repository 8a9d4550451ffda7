"""More rows were deleted than were captured, for certain."""

from __future__ import annotations

from audit.anomalies.rule import Log, Rule
from audit.models import Severity

SQL = """
    SELECT "table" AS key, since AS at, 'deletecount' AS kind, id AS object_id, surplus AS weight,
           concat_ws(' ', surplus::text, 'rows of', "table", 'between', to_char(since AT TIME ZONE 'UTC', 'HH24:MI:SS'),
                     'and', to_char(at AT TIME ZONE 'UTC', 'HH24:MI:SS'), 'UTC') AS line
      FROM audit_deletecount
     WHERE target_id = %(target)s AND since BETWEEN %(from)s AND %(until)s AND surplus > 0 AND is_certain
"""

RULE = Rule(
    code="surplus",
    label="Deletes that were not captured",
    means="PostgreSQL counted more deleted rows of a table than its trigger captured: the trigger was off meanwhile.",
    todo="They are in no delete log; a backup from before has them. Find out who switched the trigger off.",
    title="{target}: {rows} of {key} were deleted after {first} and not captured: its trigger was off.",
    sql=SQL,
    reads=(Log.COUNTS,),
    severity=Severity.CRITICAL,
    opens_incident=True,
    until_seen=True,
)
