"""Pruning: only what was imported, is sealed and is old enough leaves the target."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection as own
from django.utils import timezone

from audit import targets
from audit.actors import Actor
from audit.imports import prune, schedule
from audit.models import AuditImport, Purpose, Target
from audit.postgres.connect import ConnInfo
from tests.audit.imports.conftest import captured, execute, imported, protect, stored
from tests.conftest import MakeRole
from tovgov.embedded import Cluster

pytestmark = pytest.mark.django_db(transaction=True)
LOG = "tovgov.delete_audit_record"


def delete(info: ConnInfo, number: int) -> None:
    execute(info, f'DELETE FROM shop."Order" WHERE "Id" = {number}')


def age_all(info: ConnInfo) -> None:
    execute(info, f"UPDATE {LOG} SET at = at - interval '31 days'")


def test_what_is_old_and_imported_goes_and_the_rest_stays(target: Target, info: ConnInfo) -> None:
    delete(info, 1)
    age_all(info)
    delete(info, 2)
    run = imported(target)
    assert (run.rows, run.pruned) == (6, 2)
    assert len(captured(info)) == 3
    assert len(stored(target)) == 6
    assert imported(target).pruned == 0


def test_in_batches(target: Target, info: ConnInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prune, "BATCH", 3)
    for number in range(1, 9):
        delete(info, number)
    age_all(info)
    assert imported(target).pruned == 16
    assert captured(info) == []


def test_keep_days_is_a_setting_of_the_policy(target: Target, info: ConnInfo) -> None:
    protect(target, keep_days=40)
    delete(info, 1)
    age_all(info)
    assert imported(target).pruned == 0
    protect(target, keep_days=0)
    assert imported(target).pruned == 2


def test_what_is_not_stored_here_is_never_removed(target: Target, info: ConnInfo) -> None:
    """Whatever the position says: somebody set it too far, or tovgov's own rows were lost."""
    protect(target, keep_days=0)
    imported(target)
    delete(info, 1)
    delete(info, 2)
    with own.cursor() as cursor:
        position = "'{transaction}', '9000000000000'"
        cursor.execute(f"UPDATE audit_importsource SET position = jsonb_set(position, {position})")
    run = imported(target)
    assert (run.rows, run.pruned) == (0, 0)
    assert len(captured(info)) == 6


def test_without_the_right_to_delete_nothing_is_pruned(
    target: Target, info: ConnInfo, cluster: Cluster, roles: MakeRole, manager: Actor
) -> None:
    reader = roles(cluster)
    execute(
        info, f'GRANT USAGE ON SCHEMA tovgov TO "{reader.user}"', f'GRANT SELECT ON {LOG} TO "{reader.user}"'
    )  # fmt: skip
    targets.set_credential(target, Purpose.OPERATE, user=reader.user, password=reader.password, actor=manager)
    delete(info, 1)
    age_all(info)
    run = imported(target)
    assert (run.rows, run.pruned) == (3, 0)
    assert "may not delete" in run.log


def test_a_quiet_log_is_pruned_once_a_day(target: Target, info: ConnInfo) -> None:
    delete(info, 1)
    imported(target)
    schedule.watch()
    assert not AuditImport.objects.filter(state="queued").exists()
    age = "UPDATE audit_deleteauditlog SET at = at - interval '31 days'"
    age_all(info)
    with own.cursor() as cursor:
        cursor.execute(age)
    schedule.watch()
    assert not AuditImport.objects.filter(state="queued").exists(), "it was read today"
    AuditImport.objects.update(queued_at=timezone.now() - timedelta(days=2))
    schedule.watch()
    assert AuditImport.objects.filter(state="queued").exists()
