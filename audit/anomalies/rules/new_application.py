"""An application that is not known of the target was let in."""

from __future__ import annotations

from audit.anomalies.clients import NEW, clients_sql
from audit.anomalies.rule import Log, Rule
from audit.models import Severity

RULE = Rule(
    code="new-application",
    label="New application",
    means="An application was let in that this target does not know. Clients choose their name freely.",
    todo="See role and address. A new version or a person's own tool is usual; a tool for dumps at night is not.",
    title="{target}: a new application: {key}, since {first}.",
    sql=clients_sql("application", key="COALESCE(NULLIF(g.application_name, ''), 'no name')"),
    reads=(Log.CLIENTS,),
    severity=Severity.INFO,
    thresholds=NEW,
    quiet=720,
)
