"""The attack in the admin: its act, and its report as a table of badges."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.safestring import SafeString

from audit.actors import Actor
from audit.admin.acts import Done
from audit.admin.protection_acts import Change
from audit.models import Protection, ProtectionRun, RunKind
from audit.protection.attack import on_target, request
from audit.protection.attack.attempt import Outcome
from audit.templatetags.tovgov import badge, page_of

TONES = {"refused": "good", "recorded": "good", "detected": "warn", "not covered": "bad", "not tried": "quiet"}


def outcome_badge(result: dict[str, Any]) -> SafeString:
    """The badge of one attempt: its word, and a colour."""
    if result["is_broken"]:
        return badge("bad", f"Broken: {result['outcome']}")
    return badge(TONES.get(result["outcome"], "quiet"), result["outcome"].capitalize())


def shown(run: ProtectionRun | None) -> dict[str, Any] | None:
    """What the page says of an attack; None when there is no report."""
    if run is None or run.kind != RunKind.ATTACK or not run.report:
        return None
    counts = {str(outcome): sum(r["outcome"] == outcome for r in run.report) for outcome in Outcome}
    words = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
    return {
        "run": run,
        "summary": f"{len(run.report)} attempts: {words}.",
        "broken": sum(r["is_broken"] for r in run.report),
        "rows": [(result, outcome_badge(result)) for result in run.report],
    }


class Attack(Change):
    slug = "attack"
    label = "Attack"

    def applies(self, obj: Protection) -> bool:
        return obj.is_installed

    def consequences(self, obj: Protection) -> list[str]:
        return [
            "A clone of the target's schema is made on its server, without its rows, with temporary roles; both are"
            " removed at the end, also after a kill.",
            f"About two hundred attempts are made on the clone under {obj.policy}, and judged by what really happened.",
            "The target itself is not touched, unless you say so here; on production that takes an approval.",
        ]

    def fields(self, objects: Any) -> dict[str, forms.Field]:
        tried = "; ".join(on_target.titles())
        label = "Try the harmless ones on the target itself, too; each is rolled back"
        return {"on_target": forms.BooleanField(label=label, required=False, help_text=tried)}

    def perform(self, obj: Protection, *, actor: Actor, data: dict[str, Any]) -> Done:
        run = request.request(obj.target, actor=actor, reason=data["reason"], on_target=data["on_target"])
        return Done(f"{run} is queued.", page_of(run))


class AskAttack(Attack):
    slug = "ask-attack"
    label = "Ask to attack it itself"

    def applies(self, obj: Protection) -> bool:
        return super().applies(obj) and obj.target.is_production

    def fields(self, objects: Any) -> dict[str, forms.Field]:
        return {}

    def perform(self, obj: Protection, *, actor: Actor, data: dict[str, Any]) -> Done:
        return self._asked(request.ask_approval(obj.target, actor=actor, reason=data["reason"]))
