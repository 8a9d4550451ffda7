"""A pack whose worker is killed, and one whose disk is full: nothing half is left, and the next run makes it whole."""

from __future__ import annotations

import random
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connections
from django.utils import timezone

from audit import jobs
from audit.actors import Actor
from audit.evidence import ask, verify
from audit.exceptions import ExportFolderUnusable
from audit.models import EvidencePack, JobState, Target
from tests.audit.evidence.conftest import END, START, built, file_of, sessions_of
from tests.audit.imports.test_deaths import environment
from tests.dying import mortals

pytestmark = pytest.mark.django_db(transaction=True)
KILLS = 8
SEED = 20261120


@contextmanager
def files_end_at(size: int) -> Iterator[None]:
    """The kernel refuses to let a file of this process grow beyond ``size`` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def bury() -> None:
    """The reaper finds what a killed worker left."""
    long_ago = timezone.now() - timedelta(minutes=5)
    EvidencePack.objects.filter(state=JobState.RUNNING).update(heartbeat_at=long_ago)
    jobs.reap()


def test_killed_at_any_point_it_leaves_nothing_half(club: Target, manager: Actor, folder: Path, keys: Path) -> None:
    chance, killed = random.Random(SEED), 0
    where = environment() | {"TOVGOV_EXPORTS": str(folder.parent), "TOVGOV_KEYS": str(keys)}
    connections.close_all()
    with mortals("audit.tasks.run_evidence", where) as children:
        points = children.run(ask.ask(START, END, [club], actor=manager).pk)
        assert points is not None
        for _ in range(KILLS):
            row = ask.ask(START, END, [club], actor=manager)
            was_killed = children.run(row.pk, at=chance.randint(1, points)) is None
            bury()
            row.refresh_from_db()
            killed += was_killed
            assert row.state in (JobState.FAILED, JobState.SUCCEEDED, JobState.QUEUED)
            assert bool(row.path) == (row.state == JobState.SUCCEEDED)
    assert killed >= KILLS / 2
    whole = set(EvidencePack.objects.exclude(path="").values_list("path", flat=True))
    assert {file.name for file in folder.iterdir()} == whole
    for row in EvidencePack.objects.exclude(path=""):
        assert verify.verify(str(folder / row.path), row.signer).faults == []


def test_a_full_disk_is_named_and_leaves_nothing(club: Target, manager: Actor, folder: Path) -> None:
    sessions_of(club, 200)
    row = ask.ask(START, END, [club], actor=manager)
    with files_end_at(60_000):
        built(row)
    assert (row.state, row.error_code) == ("failed", ExportFolderUnusable.code)
    assert list(folder.iterdir()) == []
    again = built(ask.ask(START, END, [club], actor=manager))
    assert (again.state, verify.verify(str(file_of(again)), again.signer).faults) == ("succeeded", [])
