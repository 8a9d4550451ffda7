"""Acts of tovgov's own at a server, noted before they are done: a maintenance window, a restore, a backup's grants.

Only what tovgov's own process sends is noted, in the very session that sends it. A statement of the same words by
anybody else, by the same role in another session too, is explained by none of it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
from django.db import models

from audit import jobs
from audit.exceptions import NoSuchJob
from audit.models import Job, MaintenanceWindow, OwnAct, Target
from audit.postgres.logs.own import is_worth_noting, mark
from audit.postgres.noting import OwnSession, session_of, told_before


class Noted:
    """One session of an act: its row is made with its first statement."""

    def __init__(self, target: Target, session: OwnSession, of: str) -> None:
        self._target, self._session, self._of = target, session, of
        self._began = time.monotonic()
        self._row: OwnAct | None = None
        self._marks: set[str] = set()

    def note(self, statements: Iterable[str]) -> None:
        """These will be sent. Many at once are written at once."""
        new = {mark(statement) for statement in statements} - self._marks
        if not new:
            return
        self._marks |= new
        self._write(marks=sorted(self._marks))

    def tell(self, statement: str) -> None:
        """Note it, when the import would keep it."""
        if is_worth_noting(statement):
            self.note([statement])

    def end(self) -> None:
        """Nothing more is sent. The server's clock goes as fast as ours."""
        if self._row is not None:
            self._write(last_at=self._session.at + timedelta(seconds=time.monotonic() - self._began))

    def _write(self, **facts: object) -> None:
        if self._row is not None:
            OwnAct.objects.filter(pk=self._row.pk).update(**facts)
            return
        there = self._session
        named = {"role": there.role, "database": there.database, "session": there.id, "first_at": there.at}
        self._row = OwnAct.objects.create(target=self._target, of=self._of, **named, **facts)


@contextmanager
def noted(target: Target, connection: psycopg.Connection, *, of: models.Model) -> Iterator[Noted]:
    """Note whatever this connection to the server of ``target`` sends within the block as done by ``of``. An act of the
    same that nobody ended ends here: its process is dead, for ``of`` is in one hand at a time."""
    session = session_of(connection)
    reference = reference_of(of)
    dead = OwnAct.objects.filter(target=target, of=reference, last_at=None, first_at__lte=session.at)
    dead.update(last_at=session.at)
    act = Noted(target, session, reference)
    try:
        with told_before(connection, act.tell):
            yield act
    finally:
        act.end()


def reference_of(obj: models.Model) -> str:
    """What people call a job or a window: ``restore-12``, ``maintenancewindow-3``."""
    return f"{obj._meta.model_name}-{obj.pk}"


def find(reference: str) -> Job | MaintenanceWindow | None:
    """What ``reference`` names; None when it is not kept any more."""
    kind, _, number = reference.rpartition("-")
    if kind == MaintenanceWindow._meta.model_name and number.isdigit():
        return MaintenanceWindow.objects.filter(pk=number).select_related("target").first()
    try:
        return jobs.find(reference)
    except NoSuchJob:
        return None
