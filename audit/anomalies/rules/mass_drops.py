"""Many objects dropped within minutes outside a window: a dump restored with --clean, the sync script."""

from __future__ import annotations

from audit.anomalies.rule import OUTSIDE_WINDOWS, Log, Rule, burst, entries, kinds_in, within_minutes
from audit.anomalies.setting import Setting
from audit.models import Severity

KINDS = ("drop-database", "drop", "truncate")

RULE = Rule(
    code="mass-drops",
    label="Mass drops outside a window",
    means="One role dropped or truncated many objects within minutes, outside a maintenance window: what"
    " pg_restore --clean does, or a script that copies one database over another.",
    todo="Stop that role now (its sessions are on the target's page), then open Recover: the newest backup is"
    " from before. Do not let the application write meanwhile.",
    title="{target}: {key} dropped or truncated {count} objects, {when}, outside a window.",
    sql=burst(entries(f"{kinds_in(*KINDS)} AND {OUTSIDE_WINDOWS}")),
    reads=(Log.SERVER,),
    kinds=KINDS,
    severity=Severity.CRITICAL,
    opens_incident=True,
    thresholds=(
        Setting("least", "Statements", 5, "So many of one role …", least=2),
        Setting("minutes", "Within, in minutes", 10, "… within so many minutes.", least=1, most=180),
    ),
    reach=within_minutes,
)
