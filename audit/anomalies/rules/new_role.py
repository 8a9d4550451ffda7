"""A role that is not known of the target was let in."""

from __future__ import annotations

from audit.anomalies.clients import NEW, clients_sql
from audit.anomalies.rule import Log, Rule
from audit.models import Severity

RULE = Rule(
    code="new-role",
    label="New role",
    means="A role was let in that this target does not know.",
    todo="See who made the role and what it may do. Confirm it among the known clients, or refuse it.",
    title="{target}: a new role: {key}, since {first}.",
    sql=clients_sql("role", key="g.role"),
    reads=(Log.CLIENTS,),
    severity=Severity.WARNING,
    thresholds=NEW,
    quiet=720,
)
