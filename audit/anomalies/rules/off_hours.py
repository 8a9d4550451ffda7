"""Somebody deletes or connects when nobody works."""

from __future__ import annotations

from audit.anomalies.rule import Log, Rule
from audit.anomalies.setting import Setting
from audit.models import Severity

OFF = """NOT (
    extract(isodow FROM at AT TIME ZONE %(zone)s)::text = ANY (string_to_array(%(days)s, ','))
    AND to_char(at AT TIME ZONE %(zone)s, 'HH24:MI') >= %(opens)s
    AND to_char(at AT TIME ZONE %(zone)s, 'HH24:MI') < %(closes)s)"""
LEFT_OUT = "regexp_split_to_array(%(roles)s, '[\\s,]+')"

SQL = f"""
    SELECT session_role AS key, at, 'deleteaudittransaction' AS kind, id AS object_id, row_count AS weight,
           concat_ws(' ', row_count::text, 'rows,', left(query, 200)) AS line
      FROM audit_deleteaudittransaction
     WHERE target_id = %(target)s AND at BETWEEN %(from)s AND %(until)s AND row_count >= %(least)s
       AND session_role <> ALL ({LEFT_OUT}) AND {OFF}
     UNION ALL
    SELECT role, at, 'connectionauditlog', id, 0,
           concat_ws(' ', 'connected from', host(client_address), application_name)
      FROM audit_connectionauditlog
     WHERE %(connections)s AND target_id = %(target)s AND at BETWEEN %(from)s AND %(until)s AND outcome = 'accepted'
       AND role <> ALL ({LEFT_OUT}) AND {OFF}
"""  # noqa: S608  # our own text

RULE = Rule(
    code="off-hours",
    label="Off hours",
    means="A role deleted rows, or connected, outside the hours in which people work on this target.",
    todo="Ask the person whose role it is. If it is a program that runs at night, leave its role out.",
    title="{target}: {key} was at work off hours, {when}: {rows} deleted.",
    sql=SQL,
    reads=(Log.DELETES, Log.CONNECTIONS),
    severity=Severity.WARNING,
    is_on=False,
    thresholds=(
        Setting("opens", "Office hours begin", "07:00", form="clock"),
        Setting("closes", "Office hours end", "20:00", form="clock"),
        Setting("days", "On days", "1,2,3,4,5", "1 is Monday, 7 is Sunday.", form="days"),
        Setting("zone", "Time zone", "UTC", "For example Asia/Jerusalem.", form="zone"),
        Setting("roles", "Roles that are left out", "", "Names, with commas between: the application's, for example."),
        Setting("least", "Deletes of at least, in rows", 1, least=1),
        Setting("connections", "Connections too", False),
    ),
)
