"""Rows deleted from most tables within minutes: the other face of a database that is overwritten."""

from __future__ import annotations

from audit.anomalies.rule import OUTSIDE_WINDOWS, Log, Rule, many, within_minutes
from audit.anomalies.setting import Setting
from audit.models import Severity

EVENTS = f"""
    SELECT d.session_role AS key, t.key AS value, d.at, 'deleteaudittransaction' AS kind, d.id AS object_id,
           t.value::bigint AS weight, concat_ws(' ', t.value, 'rows of', t.key) AS line
      FROM audit_deleteaudittransaction d CROSS JOIN LATERAL jsonb_each_text(d.tables) AS t
     WHERE d.target_id = %(target)s AND d.at BETWEEN %(from)s AND %(until)s AND t.value::bigint >= %(rows)s
       AND {OUTSIDE_WINDOWS}
"""  # noqa: S608  # our own text

RULE = Rule(
    code="mass-deletes",
    label="Deletes from many tables",
    means="One role deleted rows from many tables within minutes, outside a maintenance window: a script that"
    " empties a database before it fills it again.",
    todo="Stop that role, then look whether the tables were filled again with other rows. Put the rows back"
    " from the deletes it cites, or open Recover.",
    title="{target}: {key} deleted {rows} from many tables, {when}.",
    sql=many(EVENTS),
    reads=(Log.DELETES,),
    severity=Severity.CRITICAL,
    opens_incident=True,
    thresholds=(
        Setting("least", "Tables", 5, "Rows of so many different ones …", least=2),
        Setting("minutes", "Within, in minutes", 10, "… within so many minutes.", least=1, most=180),
        Setting("rows", "At least so many rows of each", 10, least=1),
    ),
    reach=within_minutes,
)
