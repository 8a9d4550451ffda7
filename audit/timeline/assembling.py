"""Put the lines together. Run again, it adds what is new and changes nothing else."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from audit.actors import Actor
from audit.incidents import HANDLE
from audit.models import AuditImport, ConnectionGroup, Incident, LedgerEntry, TimelineLine
from audit.models.incidents import UNRESOLVED
from audit.timeline import logs, records
from audit.timeline.entry import Entry

logger = logging.getLogger(__name__)

CAP = 400
"""So many lines are taken from records; how many more there are is told."""
BEFORE = timedelta(minutes=30)
"""So long before the impact began the timeline begins."""
LOG_DAYS = timedelta(days=7)
"""The large logs are read for so long after that; later ones only where an alert or a review cites them."""
SLACK = timedelta(seconds=90)
"""What is written in a transaction may be seen a little later."""
SYSTEM = Actor.system("timeline")


@dataclass(frozen=True, slots=True)
class Assembled:
    """How many lines are new, and how many entries are left out."""

    added: int
    left_out: int


def assemble(row: Incident, *, actor: Actor = SYSTEM) -> Assembled:
    """Add the lines that its records tell and that are not there yet. Raises ``NotPermitted``."""
    actor.require(HANDLE)
    now = timezone.now()
    entries, more = gather(row, now)
    kept = sorted(entries, key=lambda one: (one.rank, -one.weight, one.at, one.key))[:CAP]
    left_out = more + len(entries) - len(kept)
    with transaction.atomic():
        # Two workers at once would count the same lines as new.
        Incident.objects.select_for_update(no_key=True).get(pk=row.pk)
        before = row.lines.count()
        TimelineLine.objects.bulk_create((_line(row, one) for one in kept), ignore_conflicts=True)
        added = row.lines.count() - before
        Incident.objects.filter(pk=row.pk).update(timeline_at=now, timeline_left_out=left_out)
    row.timeline_at, row.timeline_left_out = now, left_out
    return Assembled(added, left_out)


def span(row: Incident, now: datetime) -> tuple[datetime, datetime]:
    """From when to when its timeline goes."""
    known = [at for at in (row.began_at, row.detected_at) if at is not None] or [row.opened_at]
    return min(known) - BEFORE, row.resolved_at or row.closed_at or now


def gather(row: Incident, now: datetime) -> tuple[list[Entry], int]:
    """Every entry once, and how many the logs have beyond what was read."""
    start, end = span(row, now)
    found = [*records.own(row), *records.answers(row), *records.last_backup(row)]
    found += [*records.reviews(row, CAP), *records.alerts(row, start, end)]
    more = 0
    if row.target is not None:
        found += records.meanwhile(row.target, start, end)
        told = {entry.key for entry in found}
        entries, more = logs.all_of(row.target, start, min(end, start + BEFORE + LOG_DAYS), most=CAP, told=told)
        found += entries
    once: dict[tuple[str, int, str], Entry] = {}
    for entry in found:
        known = once.setdefault(entry.key, entry)
        if entry.rank < known.rank:
            once[entry.key] = replace(known, rank=entry.rank)
    return list(once.values()), more


def _line(row: Incident, entry: Entry) -> TimelineLine:
    return TimelineLine(
        incident=row, at=entry.at, kind=entry.kind, text=entry.text, source_kind=entry.source,
        source_id=entry.source_id, what=entry.what, added_by="tovgov",
    )  # fmt: skip


# --- once a minute ---------------------------------------------------------------------------------------------------


def watch() -> int:
    """Assemble the timeline of each incident that is not over and of which something is new; how many."""
    ended = (
        Q(timeline_at__lt=F("resolved_at")) | Q(timeline_at__lt=F("reviewed_at")) | Q(timeline_at__lt=F("closed_at"))
    )
    rows = Incident.objects.filter(Q(status__in=UNRESOLVED) | Q(timeline_at=None) | ended).select_related("target")
    count = 0
    for row in rows.order_by("pk"):
        if is_changed(row):
            assemble(row)
            count += 1
    return count


def is_changed(row: Incident) -> bool:
    """Whether something may be new since its timeline was assembled."""
    if row.timeline_at is None:
        return True
    since = row.timeline_at - SLACK
    about = Q(object_type=Incident._meta.label, object_id=str(row.pk))
    if row.target is not None:
        about |= Q(target=row.target.name)
    if LedgerEntry.objects.filter(about, at__gt=since).exists():
        return True
    if row.target is None:
        return False
    imports = AuditImport.objects.filter(source__target=row.target, rows__gt=0, finished_at__gt=since)
    return imports.exists() or ConnectionGroup.objects.filter(target=row.target, last_at__gt=since).exists()
