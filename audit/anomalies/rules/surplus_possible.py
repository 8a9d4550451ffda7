"""More rows may have been deleted than were captured."""

from __future__ import annotations

from audit.anomalies.rule import Log, Rule
from audit.anomalies.rules import surplus
from audit.models import Severity

RULE = Rule(
    code="surplus-possible",
    label="Deletes that may not have been captured",
    means="PostgreSQL counted more deleted rows of a table than its trigger captured, and there may be a plain"
    " reason: transactions were rolled back meanwhile, or an UPDATE moved rows to another partition.",
    todo="If neither is likely, the trigger was off: compare the table with a backup.",
    title="{target}: {rows} of {key} may have been deleted after {first} without being captured.",
    sql=surplus.SQL.replace("AND is_certain", "AND NOT is_certain"),
    reads=(Log.COUNTS,),
    severity=Severity.WARNING,
    quiet=24 * 60,
)
