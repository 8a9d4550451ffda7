"""Runs and other acts of tovgov's own that a server's log may tell of: those on every target of the same server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from django.db.models import Q

from audit import jobs
from audit.models import ImportSource, LedgerEntry, LogFile, OwnAct, ProtectionRun, Target
from audit.postgres.logs.own import OwnRun, OwnWork

SLACK = timedelta(minutes=2)
"""So far the server's clock may be from tovgov's: names and statements decide, the time only bounds them."""
BACK = timedelta(days=1)
"""Runs are looked for from so long before the oldest record that is still to come."""
TICK = timedelta(seconds=2)
"""So coarse may the stamps of a log be; the times of an act are by the server's own clock."""
UNENDED = timedelta(days=1)
"""An act whose end nobody noted has ended after so long: its process died, and its session with it."""
FOREVER = datetime.max.replace(tzinfo=UTC) - SLACK


def own_work(source: ImportSource, files: Iterable[LogFile] = ()) -> OwnWork:
    """What tovgov did at the server of ``source`` since the newest record that was read of each of ``files``; ever,
    when one of them was not begun."""
    read = [file.last_at for file in files]
    since = min((at for at in read if at), default=None) if all(read) else None
    targets = {target.pk: target for target in _of_the_server(source.target)}
    runs = ProtectionRun.objects.filter(target__in=targets).exclude(traces={}).defer("plan", "report", "log")
    if since is not None:
        runs = runs.filter(Q(finished_at=None) | Q(finished_at__gte=since - BACK))
    roles = {pk: own_roles(target) | former_roles(target) for pk, target in targets.items()}
    told = [_of(run, targets[run.target_id], roles[run.target_id]) for run in runs.order_by("pk")]
    return OwnWork([*told, *_acts(targets, since)])


def _acts(targets: Iterable[int], since: datetime | None) -> Iterator[OwnRun]:
    """What was noted of everything but protection runs: role, session and the server's own times with it."""
    acts = OwnAct.objects.filter(target__in=targets)
    if since is not None:
        acts = acts.filter(Q(last_at=None) | Q(last_at__gte=since - BACK))
    for act in acts.order_by("pk"):
        yield OwnRun(
            job=act.of,
            roles=frozenset({act.role}),
            first=act.first_at - TICK,
            last=(act.last_at or act.first_at + UNENDED) + TICK,
            database=act.database,
            marks=frozenset(act.marks),
            sessions=frozenset({act.session}),
        )


def _of(run: ProtectionRun, target: Target, roles: frozenset[str]) -> OwnRun:
    return OwnRun(
        job=jobs.reference(run),
        roles=roles,
        first=run.queued_at - SLACK,
        last=(run.finished_at or FOREVER) + SLACK,
        database=target.database,
        marks=frozenset(run.traces.get("marks", [])),
        made=frozenset(run.traces.get("made", [])),
        sessions=frozenset(run.traces.get("sessions", [])),
    )


def _of_the_server(target: Target) -> list[Target]:
    """Every target of the server: one log tells of all of them."""
    same = Q(pk=target.pk)
    if target.system_identifier:
        same |= Q(system_identifier=target.system_identifier)
    return list(Target.objects.filter(same))


def own_roles(target: Target) -> frozenset[str]:
    """Roles of tovgov's own connections to the target."""
    return frozenset(target.credentials.exclude(user="").values_list("user", flat=True))


def former_roles(target: Target) -> frozenset[str]:
    """Roles that were tovgov's own until somebody named others: a log tells of the past too."""
    return frozenset(given_up(target))


def given_up(target: Target) -> dict[str, datetime]:
    """The same, with the moment at which each was last replaced."""
    entries = LedgerEntry.objects.filter(action="target.set_credential", object_id=str(target.pk))
    rows = entries.order_by("number").values_list("detail", "at")
    return {detail["former"]: at for detail, at in rows if detail.get("former")}
