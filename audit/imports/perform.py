"""The worker's part of an import, whatever its source is."""

from __future__ import annotations

from audit.imports import deletions
from audit.imports.server_logs import bring
from audit.models import SERVER_LOGS, AuditImport
from audit.progress import Progress


def perform(run: AuditImport, progress: Progress) -> None:
    """Bring what waits in the source of ``run``, and seal it. Raises what the source's own ``perform`` raises."""
    if run.source.kind in SERVER_LOGS:
        bring.perform(run, progress)
    else:
        deletions.perform(run, progress)
