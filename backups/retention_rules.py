"""The rules of retention: which backups go and which stay, and why. Pure: no model, no clock, no destination.

A backup that any rule keeps is kept. Never removed: a held one, the newest proved one, the newest one, one in use,
the safety backup of a recent restore, and the last full one before the rows fell: backups of an emptied database
never push out the ones that can bring it back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from backups.cron import zone

FALL = 0.5
"""When the newest backup has less than this share of an earlier one's rows, the database may have been emptied."""

FALL_DAYS = 90
"""So long the last one before such a fall is kept."""

DAMAGED_DAYS = 30
"""So long a damaged one is kept as evidence; it counts for no rule."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules need to know of one backup. ``at`` is the moment its data is of."""

    id: int
    at: datetime
    bytes: int = 0
    rows: int | None = None
    is_proved: bool = False
    is_damaged: bool = False
    held_why: str = ""
    used_why: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """The numbers of a policy; see ``RetentionPolicy``."""

    keep_last: int = 7
    keep_daily: int = 7
    keep_weekly: int = 4
    keep_monthly: int = 12
    keep_yearly: int = 0
    max_age_days: int | None = None
    max_bytes: int | None = None
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a backup is kept, and why, in words for a person."""

    keep: bool
    why: str


Reasons = dict[int, list[str]]
PERIODS: list[tuple[str, str, Callable[[datetime], str]]] = [
    ("keep_daily", "day", lambda at: f"{at:%Y-%m-%d}"),
    ("keep_weekly", "week", lambda at: f"{at:%G-W%V}"),
    ("keep_monthly", "month", lambda at: f"{at:%Y-%m}"),
    ("keep_yearly", "year", lambda at: f"{at:%Y}"),
]


def decide(rules: Rules, backups: Iterable[Facts], now: datetime) -> dict[int, Verdict]:
    """The verdict on each of ``backups`` (the usable ones of one target), by id. Pure."""
    newest_first = sorted(backups, key=lambda b: (b.at, b.id), reverse=True)
    good = [b for b in newest_first if not b.is_damaged]
    safe = _protected(newest_first, good, now)
    kept = _kept_by_rules(rules, good)
    gone = _too_old(rules, newest_first, safe, now)
    gone |= _too_big(rules, [b for b in newest_first if b.id in safe or (b.id in kept and b.id not in gone)], safe)
    return {b.id: _verdict(b.id, safe, kept, gone) for b in newest_first}


def _verdict(number: int, safe: Reasons, kept: Reasons, gone: dict[int, str]) -> Verdict:
    if number in gone:
        return Verdict(False, gone[number])
    reasons = [*safe.get(number, []), *kept.get(number, [])]
    return Verdict(True, "; ".join(reasons)) if reasons else Verdict(False, "no rule keeps it")


def _protected(backups: Sequence[Facts], good: Sequence[Facts], now: datetime) -> Reasons:
    """What no rule and no limit removes."""
    reasons: Reasons = {}
    newest_proved = next((b for b in good if b.is_proved), None)
    for b, why in _protections(backups, now):
        reasons.setdefault(b.id, []).append(why)
    if newest_proved:
        reasons.setdefault(newest_proved.id, []).append("the newest proved one")
    if good:
        reasons.setdefault(good[0].id, []).append("the newest one")
    for fuller in _last_before_the_fall(good, now):
        why = f"the last one before the rows fell from {fuller.rows:,} to {good[0].rows:,}"
        reasons.setdefault(fuller.id, []).append(why)
    return reasons


def _protections(backups: Sequence[Facts], now: datetime) -> Iterator[tuple[Facts, str]]:
    for b in backups:
        if b.held_why:
            yield b, f"held: {b.held_why}"
        if b.used_why:
            yield b, b.used_why
        if b.is_damaged and now - b.at < timedelta(days=DAMAGED_DAYS):
            yield b, f"damaged: kept {DAMAGED_DAYS} days as evidence, counts for no rule"


def _last_before_the_fall(good: Sequence[Facts], now: datetime) -> list[Facts]:
    """The newest of the recent ones that hold far more rows than the newest of all; none as a rule."""
    if not good or good[0].rows is None:
        return []
    recent = [b for b in good if now - b.at < timedelta(days=FALL_DAYS)]
    return [b for b in recent if b.rows is not None and good[0].rows < b.rows * FALL][:1]


def _kept_by_rules(rules: Rules, good: Sequence[Facts]) -> Reasons:
    reasons: Reasons = {}
    for place, b in enumerate(good[: rules.keep_last], start=1):
        reasons.setdefault(b.id, []).append(f"number {place} of the last {rules.keep_last}")
    where = zone(rules.timezone)
    for rule, name, period in PERIODS:
        newest = _newest_of_each((period(b.at.astimezone(where)), b) for b in good)
        for label, b in newest[: getattr(rules, rule)]:
            reasons.setdefault(b.id, []).append(f"of {name} {label}")
    return reasons


def _newest_of_each(labelled: Iterable[tuple[str, Facts]]) -> list[tuple[str, Facts]]:
    """For each period that has backups, newest first: its newest proved one, or its newest."""
    chosen: dict[str, Facts] = {}
    for label, b in labelled:
        if b.is_proved and not chosen.setdefault(label, b).is_proved:
            chosen[label] = b
        chosen.setdefault(label, b)
    return list(chosen.items())


def _too_old(rules: Rules, backups: Sequence[Facts], safe: Reasons, now: datetime) -> dict[int, str]:
    if rules.max_age_days is None:
        return {}
    oldest = now - timedelta(days=rules.max_age_days)
    why = f"older than {rules.max_age_days} days"
    return {b.id: why for b in backups if b.at < oldest and b.id not in safe}


def _too_big(rules: Rules, kept: Sequence[Facts], safe: Reasons) -> dict[int, str]:
    """The oldest that must go until the kept ones fit; ``kept`` is newest first."""
    if rules.max_bytes is None:
        return {}
    total = sum(b.bytes for b in kept)
    gone: dict[int, str] = {}
    for b in reversed(kept):
        if total <= rules.max_bytes:
            break
        if b.id not in safe:
            gone[b.id] = f"all kept ones together are larger than {rules.max_bytes:,} bytes"
            total -= b.bytes
    return gone
