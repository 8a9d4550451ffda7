"""Every minute: what waits is imported, what waits for too long is told, and what cannot be read is told too."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest
from django.utils import timezone

from audit import tasks
from audit.actors import Actor
from audit.imports import deletions, rule, schedule
from audit.models import Alert, AuditImport, ImportSource, Purpose, Target
from audit.postgres.connect import ConnInfo, connect
from tests.audit.imports.conftest import execute, imported, protect, run_import
from tests.conftest import MakeRole
from tovgov.embedded import Cluster

pytestmark = pytest.mark.django_db(transaction=True)
LAG = {"kind": schedule.LAG, "resolved_at": None}
FAILED = {"kind": "imports.failed", "resolved_at": None}


def test_a_log_in_which_nothing_waits_leaves_no_row(target: Target, info: ConnInfo) -> None:
    imported(target)
    AuditImport.objects.all().delete()
    ImportSource.objects.update(looked_at=None)
    schedule.watch()
    assert AuditImport.objects.count() == 0
    assert ImportSource.objects.get().looked_at is not None
    execute(info, 'DELETE FROM shop."Order" WHERE "Id" = 1')
    schedule.watch()
    schedule.watch()
    run = AuditImport.objects.get()
    assert (run.state, run.asked_name) == ("queued", "tovgov")
    tasks.run_import(run.pk)
    schedule.watch()
    assert AuditImport.objects.count() == 1


def test_only_protected_active_targets_are_looked_at(target: Target) -> None:
    assert rule.protected() == [target]
    Target.objects.update(is_active=False)
    assert rule.protected() == []


def test_a_policy_without_the_rule_is_left_out(target: Target) -> None:
    row = protect(target)
    assert row.policy is not None
    row.policy.rules = [{"rule": "protection_status", "settings": {}}]
    row.policy.save()
    assert rule.protected() == []


def age(info: ConnInfo, minutes: int) -> None:
    execute(info, f"UPDATE tovgov.delete_audit_record SET at = at - interval '{minutes} minutes'")


def test_a_lag_is_told_and_resolved_by_itself(target: Target, info: ConnInfo) -> None:
    imported(target)
    with psycopg.connect(**info.keywords()) as slow:
        slow.execute('DELETE FROM shop."Order" WHERE "Id" = 1')
        execute(info, 'DELETE FROM shop."Order" WHERE "Id" = 2')
        age(info, 14)
        schedule.watch()
        assert not Alert.objects.filter(**LAG).exists()
        age(info, 6)
        schedule.watch()
        alert = Alert.objects.get(**LAG)
        assert "20 minutes ago" in alert.title
        assert "A transaction of postgres" in alert.hint
        assert str(slow.info.backend_pid) in alert.hint
        assert AuditImport.objects.filter(state="queued").count() == 0, "nothing can be read yet"
        slow.commit()
    schedule.watch()
    tasks.run_import(AuditImport.objects.get(state="queued").pk)
    assert AuditImport.objects.latest("pk").lag_seconds > 1100
    schedule.watch()
    assert not Alert.objects.filter(**LAG).exists()


def test_after_a_restore_the_age_of_what_is_known_is_no_lag(target: Target, info: ConnInfo) -> None:
    execute(info, 'DELETE FROM shop."Order" WHERE "Id" = 1')
    age(info, 600)
    imported(target)
    ImportSource.objects.update(incarnation="another/1/1")
    schedule.watch()
    assert not Alert.objects.filter(**LAG).exists()
    assert AuditImport.objects.filter(state="queued").count() == 1


def test_a_log_that_is_gone_is_told_and_mended(target: Target, info: ConnInfo) -> None:
    imported(target)
    execute(info, "ALTER TABLE tovgov.delete_audit_record RENAME TO aside")
    assert run_import(target).error_code == "imports.log_missing"
    assert "no table tovgov.delete_audit_record" in Alert.objects.get(**FAILED).title
    schedule.watch()
    assert Alert.objects.get(**FAILED).times == 2
    execute(info, "ALTER TABLE tovgov.aside RENAME TO delete_audit_record")
    schedule.watch()
    assert not Alert.objects.filter(**FAILED).exists()
    assert ImportSource.objects.get().error_code == ""


def test_a_schema_that_is_gone_is_the_same(target: Target, info: ConnInfo) -> None:
    execute(
        info,
        "ALTER EVENT TRIGGER tovgov_new_delete_audit DISABLE",
        "DROP EVENT TRIGGER tovgov_new_delete_audit",
        "DROP SCHEMA tovgov CASCADE",
    )
    assert run_import(target).error_code == "imports.log_missing"


def test_a_target_that_is_gone_is_one_alarm_not_two(target: Target, info: ConnInfo, cluster: Cluster) -> None:
    with connect(cluster.conninfo()) as connection:
        connection.execute(f'DROP DATABASE "{info.database}" WITH (FORCE)'.encode())
    schedule.watch()
    assert set(Alert.objects.values_list("kind", flat=True)) == {"target.identity"}
    assert run_import(target).error_code == "target.database_missing"
    assert ImportSource.objects.get().error_code == "target.database_missing"


def test_the_watch_role_reads_when_it_may(
    target: Target, info: ConnInfo, cluster: Cluster, roles: MakeRole, manager: Actor
) -> None:
    from audit import targets

    watcher = roles(cluster)
    targets.set_credential(target, Purpose.WATCH, user=watcher.user, password=watcher.password, actor=manager)
    execute(info, 'DELETE FROM shop."Order" WHERE "Id" = 1')
    assert imported(target).rows == 3, "the role for operating reads"
    targets.set_credential(target, Purpose.OPERATE, user=watcher.user, password=watcher.password, actor=manager)
    refused = run_import(target)
    assert refused.error_code == "target.rights_missing"
    assert "SELECT on that table" in refused.hint
    execute(
        info,
        f'GRANT USAGE ON SCHEMA tovgov TO "{watcher.user}"',
        f'GRANT SELECT ON tovgov.delete_audit_record TO "{watcher.user}"',
        'DELETE FROM shop."Order" WHERE "Id" = 2',
    )
    assert imported(target).rows == 3


def test_a_worker_that_was_given_up_stores_nothing_more(target: Target, info: ConnInfo) -> None:
    imported(target)
    run = deletions.request(target, actor=Actor.system("tests"))
    AuditImport.objects.filter(pk=run.pk).update(queued_at=timezone.now() - timedelta(hours=1))
    source = ImportSource.objects.get()
    source.position |= {"record": 4711}
    from audit.exceptions import ImportOvertaken
    from audit.imports import storing

    with pytest.raises(ImportOvertaken):
        storing.store(run, source.position, source.position, [], lambda fresh: iter(()))


def test_a_steady_stream_is_followed_by_the_next_import(
    target: Target, info: ConnInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(info, 'DELETE FROM shop."Order" WHERE "Id" = 1')
    monkeypatch.setattr(deletions, "RUN_SECONDS", 0)
    assert imported(target).rows == 0
    monkeypatch.setattr(deletions, "RUN_SECONDS", 40)
    tasks.run_import(AuditImport.objects.get(state="queued").pk)
    assert AuditImport.objects.latest("pk").rows == 3
    assert not AuditImport.objects.filter(state="queued").exists()
