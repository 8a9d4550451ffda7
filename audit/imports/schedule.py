"""When imports run: once a minute every protected target's log and every server log is looked at, and read when
something waits.

A log in which nothing waits leaves no row behind, only the time at which it was looked at.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

import psycopg
from django.db.models import QuerySet
from django.utils import timezone

from audit import alerts, conf
from audit.actors import Actor
from audit.exceptions import ImportRunning, TovgovError
from audit.imports import asking, cross_check, deletions, log, position, prune, rule, trouble
from audit.imports.server_logs import files, sources
from audit.models import OPEN_STATES, SERVER_LOGS, Alert, AuditImport, ImportSource, Severity, Target

LAG = "imports.lag"
ACTOR = Actor.system("imports")


def watch() -> None:
    """Look at the log of every protected, active target; one target's trouble does not hide another's."""
    there = rule.protected()
    for target in there:
        look(target)
    _forget_others(there)
    for source in watched_logs():
        look_at_log(source)


def watched_logs() -> QuerySet[ImportSource]:
    """Server logs that are looked at once a minute; what is sent is read when it comes, and a worker that died then
    is made up for here."""
    rows = ImportSource.objects.filter(kind__in=SERVER_LOGS, is_active=True, target__is_active=True)
    return rows.select_related("target")


def look_at_log(source: ImportSource) -> AuditImport | None:
    """Queue an import when a file of a server log has changed, and raise or resolve the alarms. Returns the import
    that was queued."""
    is_open = source.imports.filter(state__in=OPEN_STATES).exists()
    try:
        with sources.opened(source, actor=ACTOR) as there:
            waits = files.have_changed(source, there)
    except TovgovError as error:
        trouble.note(source, error)
        return None
    if waits or not source.position.get("caught_up", True):
        _tell_late(source)
        with suppress(ImportRunning):
            return asking.request(source, actor=ACTOR)
    elif not is_open:
        trouble.note(source, None)
        ImportSource.objects.filter(pk=source.pk).update(looked_at=timezone.now())
        alerts.resolve(LAG, fingerprint=trouble.fingerprint(source), actor=ACTOR)
    return None


def look_again(source: ImportSource) -> AuditImport | None:
    """Queue the import that follows one which did not come to the end."""
    return look_at_log(source) if source.kind in SERVER_LOGS else look(source.target)


def _tell_late(source: ImportSource) -> None:
    late = (timezone.now() - source.looked_at).total_seconds() if source.looked_at else 0.0
    ImportSource.objects.filter(pk=source.pk).update(lag_seconds=late)
    if late <= conf.import_lag_minutes() * 60:
        return
    alerts.alert(
        LAG,
        fingerprint=trouble.fingerprint(source),
        title=f"{source}: it was last read to its end {round(late / 60)} minutes ago.",
        target=source.target,
        severity=Severity.WARNING,
        hint="See whether the workers run and what the last imports say: manage.py imports status",
        actor=ACTOR,
    )


def _forget_others(there: list[Target]) -> None:
    """The alarms of targets that have no log any more are over."""
    rows = Alert.objects.filter(kind__in=(LAG, trouble.FAILED), resolved_at=None, fingerprint__startswith="target-")
    for kind, fingerprint in rows.exclude(target__in=there).values_list("kind", "fingerprint"):
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
