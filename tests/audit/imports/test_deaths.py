"""Imports that are killed: at whatever point it was, nothing is lost and nothing is doubled."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection, connections
from django.utils import timezone

from audit import jobs, ledger
from audit.actors import Actor
from audit.imports import deletions
from audit.models import AuditImport, DeleteAuditTransaction, JobState, Target
from audit.postgres.connect import ConnInfo
from audit.seals import verify
from tests.audit.imports.conftest import captured, execute, imported, stored
from tests.dying import Mortals, mortals

pytestmark = pytest.mark.django_db(transaction=True)
KILLS = 25
SEED = 20261120


def environment() -> dict[str, str]:
    """What a child must know to work in the test's own database."""
    own = connection.settings_dict
    return {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": f"postgres://{own['USER']}:{own['PASSWORD']}@{own['HOST']}:{own['PORT']}/{own['NAME']}",
        "TOVGOV_SPOOL": str(settings.TOVGOV_SPOOL),
        "TOVGOV_KEYS": str(settings.TOVGOV_KEYS),
    }


def next_run(target: Target) -> AuditImport:
    """The open import, found dead by the reaper if it was running; a new one when there is none."""
    source = deletions.source_of(target)
    long_ago = timezone.now() - timedelta(minutes=5)
    AuditImport.objects.filter(source=source, state=JobState.RUNNING).update(heartbeat_at=long_ago)
    jobs.reap()
    waiting = AuditImport.objects.filter(source=source, state=JobState.QUEUED).first()
    return waiting or deletions.request(target, actor=Actor.system("tests"))


def kill_one(target: Target, children: Mortals, at: int) -> bool:
    return children.run(next_run(target).pk, at=at) is None


def test_killed_at_any_point_it_loses_and_doubles_nothing(target: Target, info: ConnInfo) -> None:
    chance, killed = random.Random(SEED), 0
    connections.close_all()
    with mortals("audit.tasks.run_import", environment()) as children:
        execute(info, 'DELETE FROM shop."Order" WHERE "Id" <= 5')
        points = children.run(next_run(target).pk)
        assert points is not None
        for round_ in range(KILLS):
            first = 10 + round_ * 5
            execute(info, f'DELETE FROM shop."Order" WHERE "Id" BETWEEN {first} AND {first + 2}')
            killed += kill_one(target, children, chance.randint(1, points))
        assert children.run(next_run(target).pk) is not None
    assert killed >= KILLS * 0.8
    assert stored(target) == captured(info)
    assert sum(DeleteAuditTransaction.objects.values_list("row_count", flat=True)) == len(captured(info))
    imported(target)
    verdict = verify.verify(target, actor=Actor.system("tests"))
    assert (verdict.rows, verdict.faults) == (len(captured(info)), [])
    assert ledger.verify().is_sound
