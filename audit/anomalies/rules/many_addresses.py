"""One role comes from many addresses."""

from __future__ import annotations

from audit.anomalies.rule import Log, Rule, many, within_minutes
from audit.anomalies.setting import Setting
from audit.models import Severity

EVENTS = """
    SELECT role AS key, COALESCE(host(client_address), 'the server itself') AS value, at,
           'connectionauditlog' AS kind, id AS object_id, 1 AS weight,
           concat_ws(' ', outcome, 'from', host(client_address), application_name) AS line
      FROM audit_connectionauditlog
     WHERE target_id = %(target)s AND at BETWEEN %(from)s AND %(until)s AND role <> ''
       AND role <> ALL (regexp_split_to_array(%(roles)s, '[\\s,]+'))
"""

RULE = Rule(
    code="many-addresses",
    label="One role from many addresses",
    means="One role connected, or tried to, from many addresses within a short time: a password that went"
    " around, or an attack from many machines.",
    todo="Look at the addresses. If they are a pool of your application's machines, raise the number or leave"
    " the role out. If not, change the role's password.",
    title="{target}: {key} came from many addresses, {when}.",
    sql=many(EVENTS),
    reads=(Log.CONNECTIONS,),
    severity=Severity.WARNING,
    thresholds=(
        Setting("least", "Addresses", 5, "So many different ones of one role …", least=2),
        Setting("minutes", "Within, in minutes", 60, "… within so many minutes.", least=1, most=180),
        Setting("roles", "Roles that are left out", "", "Names, with commas between."),
    ),
    reach=within_minutes,
)
