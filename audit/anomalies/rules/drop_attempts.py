"""Somebody drops or truncates, or tries to."""

from __future__ import annotations

from audit.anomalies.rule import OUTSIDE_WINDOWS, Log, Rule, entries, kinds_in
from audit.models import Severity

DESTRUCTIVE = ("drop-database", "drop", "truncate", "guard-refused")
DENIED = r"(kind = 'privilege-denied' AND query ~* '^\s*(drop|truncate)\M')"

RULE = Rule(
    code="drop-attempts",
    label="DROP or TRUNCATE attempted",
    means="Somebody ran DROP or TRUNCATE, or tried to and was refused, while no maintenance window was open.",
    todo="See the statement and who ran it. Refused: ask why. Done: if it was a mistake, open Recover on the"
    " target now, before anything else is written.",
    title="{target}: {key} dropped or truncated, or tried to, {times} from {first}.",
    sql=entries(f"({kinds_in(*DESTRUCTIVE)} OR {DENIED}) AND {OUTSIDE_WINDOWS}"),
    reads=(Log.SERVER,),
    kinds=(*DESTRUCTIVE, "privilege-denied"),
    severity=Severity.WARNING,
)
