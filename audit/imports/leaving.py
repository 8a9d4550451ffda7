"""Before a delete log is removed, what it holds is imported: here and now, whoever else is at it."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partial
from typing import Any

from audit import jobs
from audit.actors import Actor
from audit.exceptions import ImportRunning
from audit.imports import deletions
from audit.models import OPEN_STATES, AuditImport, JobState, Target

ACTOR = Actor.system("uninstall")
WAIT_SECONDS = 60.0
"""So long another worker's import of the same log is waited for."""


def import_log(target: Any, to_the_end: bool) -> None:
    """Import until nothing waits; registered as ``audit.registry.log_importers``. How it ended stands on the source."""
    assert isinstance(target, Target)
    while (run := _one(target, to_the_end)) is not None:
        if run.state != JobState.SUCCEEDED or run.source.position.get("caught_up"):
            return


def _one(target: Target, to_the_end: bool) -> AuditImport | None:
    """An import run in this process, a queued one by preference; None when another worker's does not end."""
    source = deletions.source_of(target)
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        with suppress(ImportRunning):
            deletions.request(target, actor=ACTOR, reason="The delete log is about to be removed.")
        run: AuditImport | None = source.imports.filter(state__in=OPEN_STATES).first()
        if run is not None and run.state == JobState.QUEUED:
            jobs.run(AuditImport, run.pk, partial(deletions.perform, to_the_end=to_the_end))
            run.refresh_from_db()
            return run
        time.sleep(1)
    return None
