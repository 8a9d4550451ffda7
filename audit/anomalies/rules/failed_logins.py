"""Many failed logins from one address."""

from __future__ import annotations

from audit.anomalies.rule import Log, Rule, burst, within_minutes
from audit.anomalies.setting import Setting
from audit.models import Severity

EVENTS = """
    SELECT COALESCE(host(client_address), 'the server itself') AS key, at, 'connectionauditlog' AS kind,
           id AS object_id, 1 AS weight,
           concat_ws(' ', outcome || ':', role, 'in', database, left(reason, 120)) AS line
      FROM audit_connectionauditlog
     WHERE target_id = %(target)s AND at BETWEEN %(from)s AND %(until)s
       AND outcome IN ('failed password', 'unknown role', 'no pg_hba entry', 'refused')
"""

RULE = Rule(
    code="failed-logins",
    label="Burst of failed logins",
    means="One address was refused many times within minutes: a forgotten client with an old password, or"
    " somebody who guesses.",
    todo="See which roles it tried. Many different ones are an attack: close the way in (firewall,"
    " pg_hba.conf). One role again and again is usually a client whose password was changed.",
    title="{target}: {count} logins from {key} were refused, {when}.",
    sql=burst(EVENTS),
    reads=(Log.CONNECTIONS,),
    severity=Severity.WARNING,
    thresholds=(
        Setting("least", "Refused logins", 10, "So many from one address …", least=1),
        Setting("minutes", "Within, in minutes", 5, "… within so many minutes.", least=1, most=180),
    ),
    reach=within_minutes,
)
