"""Imports of server logs that are killed: at whatever point it was, no record is lost and none is doubled."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connections
from django.utils import timezone

from audit import jobs, tasks
from audit.exceptions import ImportRunning
from audit.imports import asking
from audit.imports.server_logs import chunks
from audit.imports.server_logs.sources import unpacking
from audit.models import AuditImport, ConnectionAuditLog, ImportSource, JobState, ServerLogEntry, ServerLogGroup
from audit.seals import verify
from tests.audit.imports.server_logs.conftest import SYSTEM, imported, lines, records, row, text, write
from tests.audit.imports.test_deaths import environment
from tests.dying import Mortals, mortals

pytestmark = pytest.mark.django_db(transaction=True)
KILLS = 12
SEED = 20261120


def next_run(source: ImportSource) -> AuditImport:
    """The open import, found dead by the reaper if it was running; a new one when there is none."""
    long_ago = timezone.now() - timedelta(minutes=5)
    AuditImport.objects.filter(source=source, state=JobState.RUNNING).update(heartbeat_at=long_ago)
    jobs.reap()
    try:
        return asking.request(source, actor=SYSTEM)
    except ImportRunning:
        run: AuditImport = source.imports.get(state=JobState.QUEUED)
        return run


def small_run(pk: int) -> None:
    """An import in chunks of ten records."""
    chunks.ROWS, unpacking.PIECE = 10, 2_000
    tasks.run_import(pk)


def kill_one(source: ImportSource, children: Mortals, at: int) -> bool:
    return children.run(next_run(source).pk, at=at) is None


def test_killed_at_any_point_it_loses_and_doubles_nothing(source: ImportSource, folder: Path) -> None:
    chance, killed, count = random.Random(SEED), 0, 0
    path = folder / "pg.csv"
    connections.close_all()
    with mortals("tests.audit.imports.server_logs.test_deaths.small_run", environment()) as children:
        write(path, records(0, 60))
        count = 60
        points = children.run(next_run(source).pk)
        assert points is not None
        for _ in range(KILLS):
            whole = records(count, 40, message="")
            cut = chance.randint(1, len(whole))
            write(path, whole[:cut], append=True)
            killed += kill_one(source, children, chance.randint(1, points))
            write(path, whole[cut:], append=True)
            count += 40
        assert children.run(next_run(source).pk) is not None
    assert killed >= KILLS * 0.7
    imported(source)
    assert lines(source) == list(range(count))
    assert list(ServerLogEntry.objects.order_by("id").values_list("leaf", flat=True)) == list(range(count))
    assert sum(ServerLogGroup.objects.values_list("count", flat=True)) == count
    assert verify.verify(source.target, actor=SYSTEM).faults == []


def test_a_login_over_two_imports_is_told_once(source: ImportSource, folder: Path) -> None:
    facts = {"session": "69b2.1", "pid": 77}
    received = text(row(0, "connection received: host=10.0.0.7 port=51000", role="", database="", command="", **facts))
    let_in = "connection authorized: user=clerk database=tovplay application_name=web"
    authorized = text(row(1, let_in, command="authentication", **facts))
    path = write(folder / "pg.csv", received)
    imported(source)
    write(path, authorized, append=True)
    imported(source)
    login = ConnectionAuditLog.objects.get()
    assert (login.role, login.database, login.client_address) == ("clerk", "tovplay", "10.0.0.7")
