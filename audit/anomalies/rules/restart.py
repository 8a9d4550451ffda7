"""The server was stopped or started."""

from __future__ import annotations

from audit.anomalies.rule import Log, Rule, entries, kinds_in
from audit.models import Severity

KINDS = ("start", "shutdown", "recovery")

RULE = Rule(
    code="restart",
    label="Restart",
    means="The server was stopped or started, or recovers.",
    todo="Ask who did it, if it was not planned. See that it ended with “ready to accept connections”.",
    title="{target}: its server was restarted, {when}.",
    sql=entries(kinds_in(*KINDS), key="'the server'"),
    reads=(Log.SERVER,),
    kinds=KINDS,
    severity=Severity.WARNING,
    quiet=15,
)
