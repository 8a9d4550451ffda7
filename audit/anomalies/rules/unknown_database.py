"""A client asked for a database that is not there."""

from __future__ import annotations

from audit.anomalies.rule import Log, Rule, burst, within_minutes
from audit.anomalies.setting import Setting
from audit.models import Severity

EVENTS = """
    SELECT database AS key, at, 'connectionauditlog' AS kind, id AS object_id, 1 AS weight,
           concat_ws(' ', role, 'from', COALESCE(host(client_address), 'the server itself'), application_name) AS line
      FROM audit_connectionauditlog
     WHERE target_id = %(target)s AND at BETWEEN %(from)s AND %(until)s AND outcome = 'unknown database'
       AND NOT (application_name LIKE 'tovgov%%'
                AND role IN (SELECT "user" FROM audit_credential WHERE target_id = %(target)s))
"""
"""tovgov itself asks once a minute whether a database that is gone is back."""

RULE = Rule(
    code="unknown-database",
    label="Unknown database asked for",
    means="A client asked for a database that is not there: its name is spelt wrongly (TovPlay is not tovplay),"
    " or it was there and was dropped or renamed.",
    todo="Is it the name of one of your databases in other letters? Then correct the client: a tool that"
    " cannot find its database may make an empty one. Was it there yesterday? Open Recover.",
    title="{target}: somebody asked {times} for a database “{key}”, which is not there, from {first}.",
    sql=burst(EVENTS),
    reads=(Log.CONNECTIONS,),
    severity=Severity.WARNING,
    thresholds=(
        Setting("least", "Times", 1, "So often the same name …", least=1),
        Setting("minutes", "Within, in minutes", 10, "… within so many minutes.", least=1, most=180),
    ),
    reach=within_minutes,
)
