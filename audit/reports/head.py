"""What stands above every report, on its page and in every file: period, time zone, scope, gaps, maker."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from audit.reports import gaps
from audit.reports.report import Scope

NO_GAPS = "None was found: every source was read to the period's end."
NO_GAPS_NOW = "None was found."


@dataclass(frozen=True, slots=True)
class Head:
    """The facts above a report."""

    title: str
    about: str
    facts: tuple[tuple[str, str], ...]
    gaps: tuple[str, ...]
    made_at: datetime
    made_by: str

    @property
    def gaps_in_words(self) -> tuple[str, ...]:
        return self.gaps or (NO_GAPS if dict(self.facts).get("Counted by") else NO_GAPS_NOW,)

    def lines(self) -> list[tuple[str, str]]:
        """All of it as name and words, a gap a line."""
        return [("Report", self.title), *self.facts, *(("Gap", words) for words in self.gaps_in_words)]


def of(scope: Scope, *, made_by: str, made_at: datetime | None = None) -> Head:
    """The head of what ``scope`` asks. Its gaps are looked up now."""
    report, moment = scope.report, made_at or scope.now
    facts = [("Period", _period(scope)), ("Time zone", scope.zone.key)]
    facts += [("Counted by", report.counted)] if report.has_period else []
    facts += [("Targets", _targets(scope))] if report.has_targets else []
    facts += [("Filter", words)] if (words := _answers(scope)) else []
    facts.append(("Made", f"{scope.moment(moment)} by {made_by}"))
    found = [*gaps.of_period(scope), *report.gaps(scope)]
    return Head(report.title, report.about, tuple(facts), tuple(dict.fromkeys(found)), moment, made_by)


def _period(scope: Scope) -> str:
    if not scope.report.has_period:
        return f"none: the state at {scope.moment(scope.now)}"
    start, end = scope.span
    return f"from {scope.moment(start)} to before {scope.moment(end)}"


def _targets(scope: Scope) -> str:
    return ", ".join(target.name for target in scope.targets) or "all"


def _answers(scope: Scope) -> str:
    labels = {one.name: one.label for one in scope.report.filters}
    return "; ".join(f"{labels[name]}: {answer}" for name, answer in scope.answers.items())
