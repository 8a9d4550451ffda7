"""The worker's part: once a day the entries of each source are looked through, in short transactions, for at most some
seconds a minute. Killed at any point, the next minute goes on where it was."""

from __future__ import annotations

import logging
import time
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django_q.tasks import async_task

from audit.actors import Actor
from audit.exceptions import PartitionBusy
from audit.imports.retention import batches, keeping, whole
from audit.imports.retention.held import LOGS
from audit.models import ImportSource

logger = logging.getLogger(__name__)
TASK = "audit.tasks.retire_entries"
SECONDS = 40.0
ACTOR = Actor.system("retention")


def wake() -> None:
    """Once a minute: let a worker retire what is over, where a source is due."""
    if due(timezone.now()):
        async_task(TASK)


def due(now: datetime) -> list[ImportSource]:
    """The sources whose entries are to be looked through."""
    sources = ImportSource.objects.filter(keep_days__isnull=False).select_related("target").order_by("pk")
    return [source for source in sources if keeping.is_due(source, now)]


def retire_due(*, seconds: float = SECONDS, now: datetime | None = None) -> int:
    """Retire what is over, for at most ``seconds`` and one transaction more; how many entries."""
    moment, deadline, count = now or timezone.now(), time.monotonic() + seconds, 0
    sources = due(moment)
    if sources:
        count += _whole(deadline, now)
    for source in sources:
        if time.monotonic() > deadline:
            break
        count += _through(source, deadline, moment)
    return count


def _whole(deadline: float, now: datetime | None) -> int:
    """Whole partitions first: what they take along needs not be removed one by one."""
    count = 0
    for log in LOGS:
        try:
            while time.monotonic() < deadline and (gone := whole.retire_next(log, actor=ACTOR, now=now)) is not None:
                count += gone
        except PartitionBusy as error:
            logger.info("retention of %s: %s", log.table, error.message)
    return count


def _through(source: ImportSource, deadline: float, now: datetime) -> int:
    count = 0
    for log in (one for one in LOGS if source.kind in one.kinds):
        while True:
            done = batches.step(log, source, actor=ACTOR, now=now)
            count += done.retired
            if done.is_last:
                break
            if time.monotonic() > deadline:
                return count
    _note_end(source, now)
    return count


def _note_end(source: ImportSource, now: datetime) -> None:
    """All of it was looked through, and the next time begins anew: what was held may be free then. Not when somebody
    has set other days meanwhile."""
    with transaction.atomic():
        row = ImportSource.objects.select_for_update(of=("self",), no_key=True).get(pk=source.pk)
        if row.keep_days == source.keep_days:
            row.retention = {"done_at": now.isoformat()}
            row.save(update_fields=["retention"])
