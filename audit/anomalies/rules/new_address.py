"""An address that is not known of the target was let in."""

from __future__ import annotations

from audit.anomalies.clients import NEW, clients_sql
from audit.anomalies.rule import Log, Rule
from audit.models import Severity

RULE = Rule(
    code="new-address",
    label="New address",
    means="Somebody was let in from an address that this target does not know.",
    todo="See which role and application came from there. If it is yours, confirm it among the known clients;"
    " if not, close the way in and change that role's password.",
    title="{target}: a new address: {key}, since {first}.",
    sql=clients_sql("address", key="COALESCE(host(g.client_address), 'the server itself')"),
    reads=(Log.CLIENTS,),
    severity=Severity.WARNING,
    thresholds=NEW,
    quiet=720,
)
