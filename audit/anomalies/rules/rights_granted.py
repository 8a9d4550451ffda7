"""Roles were made or changed, rights were granted."""

from __future__ import annotations

from audit.anomalies.rule import Log, Rule, entries
from audit.models import Severity

RULE = Rule(
    code="rights-granted",
    label="Rights granted",
    means="A role was made, changed or dropped, or a right was granted or taken.",
    todo="See the statement. A role that became superuser, owner or member of a strong role can undo"
    " protection: verify the policy on the target's page.",
    title="{target}: {key} changed roles or rights, {times} from {first}.",
    sql=entries("kind = 'role-changed'"),
    reads=(Log.SERVER,),
    kinds=("role-changed",),
    severity=Severity.WARNING,
)
