"""Many rows deleted by one role within minutes."""

from __future__ import annotations

from audit.anomalies.rule import Log, Rule, burst, within_minutes
from audit.anomalies.setting import Setting
from audit.models import Severity

EVENTS = """
    SELECT session_role AS key, at, 'deleteaudittransaction' AS kind, id AS object_id, row_count AS weight,
           concat_ws(' ', row_count::text, 'rows,', left(query, 200)) AS line
      FROM audit_deleteaudittransaction
     WHERE target_id = %(target)s AND at BETWEEN %(from)s AND %(until)s
"""

RULE = Rule(
    code="delete-burst",
    label="Burst of deletes",
    means="One role deleted far more rows within a few minutes than it should.",
    todo="Open the deletes it cites: who, from where, with which statement. What should not have gone can be"
    " put back from there. Ask before you stop a role that may be a planned clean-up.",
    title="{target}: {rows} were deleted by {key}, {when}.",
    sql=burst(EVENTS),
    reads=(Log.DELETES,),
    severity=Severity.CRITICAL,
    opens_incident=True,
    thresholds=(
        Setting("least", "Rows", 1000, "So many deleted rows of one role …", least=1),
        Setting("minutes", "Within, in minutes", 10, "… within so many minutes.", least=1, most=180),
    ),
    reach=within_minutes,
)
