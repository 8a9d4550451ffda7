"""``manage.py retention``: what is kept, what would go and why, and doing it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from audit.lookup import find_target
from audit.management.base import TovgovCommand
from audit.models import Target
from backups import retention
from backups.exceptions import DestinationUnreachable
from backups.models import RetentionPolicy

NUMBERS = ("keep-last", "keep-daily", "keep-weekly", "keep-monthly", "keep-yearly", "max-age-days", "max-bytes")
LIMITS = ("max_age_days", "max_bytes")


class Command(TovgovCommand):
    help = "Set the policy of a target, see what would be removed and why, or remove it."

    def add_arguments(self, parser: CommandParser) -> None:
        rules = self.verb(parser, "set", self.set, "make or change the policy of a target")
        rules.add_argument("target")
        for name in NUMBERS:
            rules.add_argument(f"--{name}", metavar="N", help="none ends the limit" if "max" in name else None)
        rules.add_argument("--timezone", help="in which days, weeks, months and years begin")
        rules.add_argument("--off", action="store_true", help="keep everything from now on")
        for name, act, words in (
            ("plan", self.plan, "say what would go and why; changes nothing"),
            ("apply", self.apply, "remove what no rule keeps"),
        ):
            verb = self.verb(parser, name, act, words)
            verb.add_argument("target", nargs="?", help="every target with a policy when left out")

    def set(self, options: dict[str, Any]) -> None:
        names = [name.replace("-", "_") for name in (*NUMBERS, "timezone")]
        given = {name: _number(name, options[name]) for name in names if options[name] is not None}
        target = find_target(options["target"])
        policy = retention.set_policy(target, actor=self.actor(options), is_enabled=not options["off"], **given)
        facts = {name: getattr(policy, name) for name in ("is_enabled", *retention.RULES)}
        self.emit(options, facts, ", ".join(f"{name} {value}" for name, value in facts.items() if value is not None))

    def plan(self, options: dict[str, Any]) -> None:
        decisions = [decision for target in _targets(options) for decision in retention.plan(target)]
        facts = [
            {
                "target": decision.backup.target.name,
                "backup": decision.backup.name,
                "number": decision.backup.pk,
                "of": decision.backup.snapshot_at,
                "keep": decision.keep,
                "why": decision.why,
            }
            for decision in decisions
        ]
        cells = [(fact["number"], fact["backup"], "stays" if fact["keep"] else "goes", fact["why"]) for fact in facts]
        self.emit(options, facts, self.table(("number", "backup", "", "why"), cells))

    def apply(self, options: dict[str, Any]) -> None:
        actor = self.actor(options)
        removals = [removal for target in _targets(options) for removal in retention.apply(target, actor=actor)]
        facts = [{"backup": r.backup.name, "number": r.backup.pk, "why": r.why, "left": r.left} for r in removals]
        cells = [(r.backup.pk, r.backup, ", ".join(r.left) or "everywhere", r.why) for r in removals]
        headers = ("number", "backup", "removed, or not from", "why")
        self.emit(options, facts, self.table(headers, cells) if cells else "Nothing goes.")
        left = sorted({name for removal in removals for name in removal.left})
        if left:
            raise DestinationUnreachable(f"Not removed from {', '.join(left)}: no answer. They stay listed.")


def _number(name: str, word: str) -> int | str | None:
    """What full_clean understands; ``none`` ends a limit."""
    return None if name in LIMITS and word == "none" else word


def _targets(options: dict[str, Any]) -> list[Target]:
    if options["target"]:
        return [find_target(options["target"])]
    return [policy.target for policy in RetentionPolicy.objects.filter(is_enabled=True).select_related("target")]
