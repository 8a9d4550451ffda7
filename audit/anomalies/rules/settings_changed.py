"""Settings or pg_hba.conf were changed."""

from __future__ import annotations

from audit.anomalies.rule import Log, Rule, entries, kinds_in
from audit.models import Severity

KINDS = ("settings-changed", "config-reload", "hba-reload", "bad-configuration")

RULE = Rule(
    code="settings-changed",
    label="Settings or pg_hba changed",
    means="A setting was changed, or the configuration, pg_hba.conf with it, was read again. What changed in"
    " pg_hba.conf stands in no log.",
    todo="Ask who did it. Compare pg_hba_file_rules and pg_settings with what you know, and whether logging"
    " was made less.",
    title="{target}: its settings were changed or reloaded, {when}.",
    sql=entries(kinds_in(*KINDS), key="'the server'"),
    reads=(Log.SERVER,),
    kinds=KINDS,
    severity=Severity.WARNING,
)
