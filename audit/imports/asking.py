"""Asking for an import, whatever its source is."""

from __future__ import annotations

from audit import jobs, ledger
from audit.actors import Actor
from audit.exceptions import ImportRunning
from audit.models import AuditImport, ImportSource

RUN = "audit.run_import"
TASK = "audit.tasks.run_import"


def request(source: ImportSource, *, actor: Actor, reason: str = "") -> AuditImport:
    """Queue an import of ``source``. Raises ``NotPermitted`` and ``ImportRunning``."""
    actor.require(RUN)
    target = source.target
    running = ImportRunning(f"An import of {target} is queued or running already.")
    with jobs.only_one("one_open_import_a_source", running):
        run: AuditImport = AuditImport.objects.create(
            source=source,
            **jobs.asked(actor),
            reason=reason,
            max_attempts=3,
        )
        if actor.user is not None:  # the minute's own requests are seen by their seals
            ledger.append("imports.request", actor=actor, obj=run, target=target, reason=reason)
        jobs.enqueue(run, TASK)
    return run
