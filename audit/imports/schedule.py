"""When imports run: once a minute every protected target's log is looked at, and read when something waits.

A log in which nothing waits leaves no row behind, only the time at which it was looked at.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

import psycopg
from django.utils import timezone

from audit import alerts, conf
from audit.actors import Actor
from audit.exceptions import ImportRunning, TovgovError
from audit.imports import cross_check, deletions, log, position, prune, rule, trouble
from audit.models import OPEN_STATES, Alert, AuditImport, ImportSource, Severity, Target

LAG = "imports.lag"
ACTOR = Actor.system("imports")


def watch() -> None:
    """Look at the log of every protected, active target; one target's trouble does not hide another's."""
    there = rule.protected()
    for target in there:
        look(target)
    _forget_others(there)


def _forget_others(there: list[Target]) -> None:
    """The alarms of targets that have no log any more are over."""
    rows = Alert.objects.filter(kind__in=(LAG, trouble.FAILED, cross_check.ALERT), resolved_at=None)
    rows = rows.exclude(target__in=there).exclude(kind=cross_check.ALERT, acknowledged_at=None)
    for kind, fingerprint in rows.values_list("kind", "fingerprint"):
        alerts.resolve(kind, fingerprint=fingerprint, actor=ACTOR)


def look(target: Target) -> AuditImport | None:
    """Queue an import when something waits, and raise or resolve the alarms. Returns the import that was queued."""
    source = deletions.source_of(target)
    try:
        with log.opened(target, actor=ACTOR) as (connection, state):
            waits = _weigh(source, connection, state)
            if not waits and cross_check.is_due(source):
                cross_check.sample(source, connection)
    except TovgovError as error:
        trouble.note(source, error)
        return None
    if waits:
        with suppress(ImportRunning):
            return deletions.request(target, actor=ACTOR)
    elif not source.imports.filter(state__in=OPEN_STATES).exists():
        trouble.note(source, None)
        ImportSource.objects.filter(pk=source.pk).update(looked_at=timezone.now())
    return None


def _weigh(source: ImportSource, connection: psycopg.Connection, state: log.State) -> bool:
    """Measure the lag, tell when it is too long, and say whether something can be read now."""
    if position.must_begin_anew(source, state):
        return True  # all is read again, what is known too: its age says nothing
    oldest = log.oldest_waiting(connection, source.bounds)
    lag = oldest.age if oldest else 0.0
    if not source.position.get("caught_up"):
        begun = datetime.fromisoformat(source.position["begun"])
        lag = min(lag, (state.now - begun).total_seconds())
    ImportSource.objects.filter(pk=source.pk).update(lag_seconds=lag)
    if lag > conf.import_lag_minutes() * 60:
        tell_lag(source.target, lag, "" if oldest and oldest.is_ready else log.held_back_by(connection))
    else:
        alerts.resolve(LAG, fingerprint=f"target-{source.target_id}", actor=ACTOR)
    if (oldest and oldest.is_ready) or not source.position.get("caught_up"):
        return True
    return _is_to_be_pruned(source, connection)


def _is_to_be_pruned(source: ImportSource, connection: psycopg.Connection) -> bool:
    """Whether old records lie in a log in which nothing new comes; asked for once a day."""
    settings = rule.settings_of(source.target)
    yesterday = timezone.now() - timedelta(days=1)
    if settings is None or source.imports.filter(queued_at__gt=yesterday).exists():
        return False
    first = prune.imported(connection, source, days=rule.keep_days(settings), limit=1)
    return bool(first and first[0].is_old)


def tell_lag(target: Target, seconds: float, why: str) -> None:
    """Deletes wait for too long: raise the alarm, with the transaction that holds them back when there is one."""
    hint = why or "See whether the workers run and what the last imports say: manage.py imports status"
    alerts.alert(
        LAG,
        fingerprint=f"target-{target.pk}",
        title=f"{target}: deletes of {round(seconds / 60)} minutes ago were not imported yet.",
        target=target,
        severity=Severity.WARNING,
        hint=hint,
        actor=ACTOR,
    )
