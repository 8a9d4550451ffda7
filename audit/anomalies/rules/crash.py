"""A server process died."""

from __future__ import annotations

from audit.anomalies.rule import Log, Rule, entries, kinds_in
from audit.models import Severity

KINDS = ("crash", "panic", "data-corrupted", "io-error", "disk-full", "out-of-memory")

RULE = Rule(
    code="crash",
    label="Crash or damage",
    means="A server process died, or the server found damaged data or a failing disk.",
    todo="Read the lines it cites: which signal, which file. Before you repair anything, make sure that a"
    " proved backup is in another place. On damaged data stop writing.",
    title="{target}: its server crashed or found damage ({key}), {when}.",
    sql=entries(kinds_in(*KINDS), key="kind"),
    reads=(Log.SERVER,),
    kinds=KINDS,
    severity=Severity.CRITICAL,
    opens_incident=True,
)
