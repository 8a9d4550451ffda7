"""Run the rules over what is new: once a minute, by a worker. What they find becomes firings, and alerts.

A firing is a fact about entries: run twice, or over entries that came in another order, the same firings stand there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import datetime, timedelta
from math import inf
from time import monotonic
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django_q.tasks import async_task

from audit import alerts, locks
from audit.actors import Actor
from audit.anomalies import configure
from audit.anomalies.find import Episode, find
from audit.anomalies.fresh import Fresh, Position, Range, Snapshot, by_day, moved, snapshot, together
from audit.anomalies.rule import Rule
from audit.anomalies.rules import RULES
from audit.models import Alert, AnomalyFiring, AnomalySettings, Severity, Target

TASK = "audit.tasks.run_anomalies"
ACTOR = Actor.system("anomalies")
TOLD = timedelta(days=7)
"""What is older is kept as a firing and wakes nobody; on its first run a rule looks back so far."""
SECONDS = 150.0
"""So long one run of all targets takes, about: half of what its queue allows. What is left is examined by the next."""
LEFT = "left"
"""Among the positions of a rule: the stretches that are still to be examined."""
LOOK_BACK = timedelta(days=3)
"""Rules about what does not come look at so many days."""


def wake() -> None:
    """Once a minute: let a worker run the rules."""
    if Target.objects.filter(is_active=True).exists():
        async_task(TASK)


def run_all() -> int:
    """Run the rules of every active target; how many findings are new or grew. A fault in one keeps no other from
    being run."""
    found: list[AnomalyFiring] = []
    with ExitStack() as acts:
        acts.callback(resolve_over)  # the first in is the last out
        targets = list(Target.objects.filter(is_active=True))
        for target in targets:
            acts.callback(_add, found, run, target, seconds=SECONDS / len(targets))
    return len(found)


def run(target: Target, *, now: datetime | None = None, seconds: float = inf) -> list[AnomalyFiring]:
    """Run the rules of one target over what is new, for about so many seconds; the findings that are new or grew. Who
    was not reached is the first next time. Nothing when another worker is at it."""
    found: list[AnomalyFiring] = []
    deadline = monotonic() + seconds
    with locks.held(f"anomalies of target {target.pk}") as is_ours:
        if not is_ours:
            return []
        configure.ensure(target)
        moment, fresh = snapshot(), Fresh(target)
        with ExitStack() as acts:
            rows = AnomalySettings.objects.filter(target=target, rule__in=RULES).select_related("target")
            ordered = list(rows.order_by(F("looked_at").desc(nulls_last=True), "-pk"))  # the last in is the first out
            limits = (deadline, seconds / max(len(ordered), 1))
            for row in ordered:
                acts.callback(_add, found, _run_one, row, fresh, moment, now or timezone.now(), limits)
    return found


def _add(found: list[AnomalyFiring], act: Callable[..., list[AnomalyFiring]], *words: Any, **more: Any) -> None:
    found += act(*words, **more)


def _run_one(
    row: AnomalySettings, fresh: Fresh, moment: Snapshot, now: datetime, limits: tuple[float, float]
) -> list[AnomalyFiring]:
    """One rule, in one transaction with its new position: a day at a time, the last one first, until its share of the
    time is used. One that is off only moves on. ``limits`` are when the run ends, and each rule's share of it."""
    began, (deadline, share) = monotonic(), limits
    if began > deadline:
        return []
    rule, found, days = RULES[row.rule], [], []
    with transaction.atomic():
        if row.is_active:
            settings = configure.settings_of(row)
            days = _to_examine(row, rule, settings, fresh, now)
        while days:
            first, last = days.pop(0)
            found += examine(row, rule, settings, first, last, now)
            if monotonic() > min(deadline, began + share):
                break
        positions: dict[str, Any] = {
            str(log): moved(Position.read(row.positions.get(log, {})), log, moment).stored() for log in rule.reads
        }
        row.positions = positions | ({LEFT: [[one.isoformat() for one in day] for day in days]} if days else {})
        row.looked_at = now
        row.save(update_fields=["positions", "looked_at"])
    return found


def _to_examine(
    row: AnomalySettings, rule: Rule, settings: Mapping[str, Any], fresh: Fresh, now: datetime
) -> list[Range]:
    if rule.waits is not None:
        return [(now - LOOK_BACK, now)] if rule.waits(row.target, settings, now) else []
    ranges: list[Range] = [
        (datetime.fromisoformat(first), datetime.fromisoformat(last)) for first, last in row.positions.get(LEFT, [])
    ]
    for log in rule.reads:
        position = Position.read(row.positions.get(log, {}))
        new = fresh.ranges(log, position, rule.kinds)
        ranges += [one for one in new if row.looked_at is not None or one[1] >= now - TOLD]
    return sorted(by_day(together(ranges, rule.reach(settings) + rule.gap(settings))), reverse=True)


# --- what was found, kept --------------------------------------------------------------------------------------------


def examine(
    row: AnomalySettings, rule: Rule, settings: Mapping[str, Any], first: datetime, last: datetime, now: datetime
) -> list[AnomalyFiring]:
    """Find again what is between two moments, with the firings that reach into them as a whole; those that are new or
    grew are told and returned."""
    first, last, known = _whole(row, first, last)
    changed = []
    for episode in find(rule, row.target, settings, first, last, now=now):
        firing, is_more = _keep(row, episode, known)
        if is_more:
            changed.append(firing)
            _tell(row, rule, firing, episode, now)
    for gone in known:
        gone.delete()  # withdrawn by what came late, or part of another one now
    return changed


def _whole(row: AnomalySettings, first: datetime, last: datetime) -> tuple[datetime, datetime, list[AnomalyFiring]]:
    """The moments, moved apart until no firing reaches over them, and the firings between."""
    while True:
        rows = AnomalyFiring.objects.filter(target=row.target, rule=row.rule, first_at__lte=last, last_at__gte=first)
        known = list(rows.select_for_update(no_key=True).order_by("first_at", "id"))
        wider = min([first, *(one.first_at for one in known)]), max([last, *(one.last_at for one in known)])
        if wider == (first, last):
            return first, last, known
        first, last = wider


def _keep(row: AnomalySettings, episode: Episode, known: list[AnomalyFiring]) -> tuple[AnomalyFiring, bool]:
    """The firing of an episode: one of ``known``, which it leaves, or a new one; and whether it is more than before."""
    overlapping = [
        one
        for one in known
        if one.key == episode.key and one.first_at <= episode.last_at and one.last_at >= episode.first_at
    ]
    facts = {
        "first_at": episode.first_at,
        "last_at": episode.last_at,
        "count": episode.count,
        "weight": episode.weight,
    }
    if not overlapping:
        return AnomalyFiring.objects.create(target=row.target, rule=row.rule, key=episode.key, **facts), True
    firing = overlapping[0]
    known.remove(firing)
    before = (firing.count, firing.weight)
    if {name: getattr(firing, name) for name in facts} != facts:
        for name, value in facts.items():
            setattr(firing, name, value)
        firing.save(update_fields=list(facts))
    return firing, episode.count > before[0] or episode.weight > before[1]


def fingerprint(target: Target, key: str) -> str:
    """What makes alerts of one rule the same."""
    whole = f"target-{target.pk}:{key}"
    return whole if len(whole) <= 120 else f"target-{target.pk}:{hashlib.sha256(key.encode()).hexdigest()}"


def _tell(row: AnomalySettings, rule: Rule, firing: AnomalyFiring, episode: Episode, now: datetime) -> None:
    if episode.last_at < now - TOLD:
        return
    alert = alerts.alert(
        rule.alert,
        fingerprint=fingerprint(row.target, episode.key),
        title=title(rule, row.target, episode),
        target=row.target,
        severity=Severity(row.severity),
        hint=f"{rule.means} {rule.todo}",
        actor=ACTOR,
        evidence=episode.evidence,
        cited=episode.count,
        incident=f"anomalies:target-{row.target_id}" if row.opens_incident else "",
    )
    if firing.alert_id != alert.pk:
        firing.alert = alert
        firing.save(update_fields=["alert"])


def title(rule: Rule, target: Target, episode: Episode) -> str:
    """What an episode is in one sentence."""
    first, last = f"{episode.first_at:%Y-%m-%d %H:%M} UTC", f"{episode.last_at:%Y-%m-%d %H:%M} UTC"
    return rule.title.format(
        target=target,
        key=episode.key,
        count=f"{episode.count:,}",
        times="once" if episode.count == 1 else f"{episode.count:,} times",
        rows="1 row" if episode.weight == 1 else f"{episode.weight:,} rows",
        first=first,
        when=first if first == last else f"{first} to {last[11:]}",
    )


# --- what is over ----------------------------------------------------------------------------------------------------


def resolve_over(*, now: datetime | None = None) -> int:
    """Resolve the alerts of rules whose finding is over, or that are off; how many."""
    now = now or timezone.now()
    rows = Alert.objects.filter(kind__in=[rule.alert for rule in RULES.values()], resolved_at=None)
    settings: dict[tuple[int | None, str], AnomalySettings] = {
        (row.target_id, row.rule): row for row in AnomalySettings.objects.select_related("target")
    }
    count = 0
    for alert in rows.select_related("target"):
        rule = RULES[alert.kind.partition(".")[2]]
        if _is_over(alert, rule, settings.get((alert.target_id, rule.code)), now):
            count += alerts.resolve(alert.kind, fingerprint=alert.fingerprint, actor=ACTOR)
    return count


def _is_over(alert: Alert, rule: Rule, row: AnomalySettings | None, now: datetime) -> bool:
    if row is None or not row.is_active or not row.target.is_active:
        return True
    if rule.until_seen and alert.acknowledged_at is None:
        return False
    settings = configure.settings_of(row)
    if rule.is_over is not None:
        newest = alert.firings.order_by("-first_at").first()
        return newest is None or rule.is_over(row.target, newest.key, newest.first_at, settings)
    return alert.seen_at + rule.gap(settings) < now
