"""What a run leaves in the server's log, noted before it is done: by that its records are told from a stranger's."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from audit.models import ProtectionRun
from audit.postgres.logs.own import mark


def leave(run: ProtectionRun, *, statements: Iterable[str] = (), made: Iterable[str] = ()) -> None:
    """Note the statements that will be sent to the target, and databases that will be made beside it; what an earlier
    attempt noted stays."""
    with transaction.atomic():
        row = ProtectionRun.objects.select_for_update(of=("self",), no_key=True).only("traces").get(pk=run.pk)
        traces = {
            "marks": sorted({*row.traces.get("marks", []), *map(mark, statements)}),
            "made": [*row.traces.get("made", []), *made],
        }
        ProtectionRun.objects.filter(pk=run.pk).update(traces=traces)
