"""What a run leaves in the server's log, noted before it is done: by that its records are told from a stranger's."""

from __future__ import annotations

from collections.abc import Iterable

import psycopg
from django.db import transaction

from audit.models import ProtectionRun
from audit.postgres.logs.own import mark
from audit.postgres.noting import session_of


def leave(
    run: ProtectionRun,
    *,
    statements: Iterable[str] = (),
    made: Iterable[str] = (),
    by: psycopg.Connection | None = None,
) -> None:
    """Note the statements that will be sent to the target, and databases that will be made beside it; what an earlier
    attempt noted stays. ``by`` sends the statements: the same from another session is a stranger's."""
    sessions = [session_of(by).id] if by is not None else []
    with transaction.atomic():
        row = ProtectionRun.objects.select_for_update(of=("self",), no_key=True).only("traces").get(pk=run.pk)
        traces = {
            "marks": sorted({*row.traces.get("marks", []), *map(mark, statements)}),
            "made": [*row.traces.get("made", []), *made],
            "sessions": [*row.traces.get("sessions", []), *sessions],
        }
        ProtectionRun.objects.filter(pk=run.pk).update(traces=traces)
