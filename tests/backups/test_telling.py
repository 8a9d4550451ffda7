"""A target that is protected reads of its backups in its own database, and shares new large objects before each."""

from __future__ import annotations

import secrets
from dataclasses import replace

import pytest

from audit.actors import Actor
from audit.models import Credential, Protection, ProtectionPolicy, Purpose, Target
from audit.postgres.connect import ConnInfo, connect
from audit.protection import backup_log
from audit.protection.policies import complete
from backups import telling
from backups.models import Level
from tests.audit.protection.steps import attempt, install, uninstall
from tests.backups.house import TOVGOV, back_up, give_role, run_sql, verified
from tests.conftest import MakeRole
from tovgov.embedded import Cluster

pytestmark = pytest.mark.django_db(transaction=True)


def protect(target: Target, info: ConnInfo, *rules: dict[str, object]) -> ProtectionPolicy:
    policy = ProtectionPolicy.objects.create(name="told", version=1, rules=complete(list(rules)), created_by="tests")
    install(info, policy)
    Protection.objects.create(target=target, policy=policy)
    return policy


def told(info: ConnInfo) -> list[tuple]:
    with connect(info) as connection:
        return connection.execute('SELECT name, level, rows, bytes FROM tovgov."BackupLog" ORDER BY name').fetchall()


def test_a_backup_and_its_proof_are_told(target: Target, world: ConnInfo, cluster: Cluster, roles: MakeRole) -> None:
    reader = roles(cluster).to(world.database)
    protect(target, world, {"rule": "protection_status", "settings": {"readers": [reader.user]}})
    backup = back_up(target)
    assert told(reader) == [(backup.name, "Stored", backup.rows, backup.stored_bytes)]
    assert verified(backup).state == "succeeded"
    assert told(reader) == [(backup.name, Level.PROVED.label, backup.rows, backup.stored_bytes)]
    assert attempt(reader, 'DELETE FROM tovgov."BackupLog"') is not None


def test_without_the_rule_nothing_is_told(target: Target, world: ConnInfo) -> None:
    backup = back_up(target)
    assert backup.state == "succeeded"
    assert not telling.tell_target(backup, actor=TOVGOV)


def test_without_a_role_to_operate_nothing_is_told(target: Target, world: ConnInfo) -> None:
    protect(target, world, {"rule": "protection_status"})
    give_role(target, world, Purpose.BACKUP)
    Credential.objects.filter(target=target, purpose=Purpose.OPERATE).delete()
    assert back_up(target).state == "succeeded"
    assert told(world) == []


@pytest.mark.parametrize("harm", ['DROP TABLE tovgov."BackupLog"', "REVOKE ALL ON SCHEMA tovgov FROM tovgov_guard"])
def test_a_log_that_is_broken_does_not_fail_the_backup(target: Target, world: ConnInfo, harm: str) -> None:
    protect(target, world, {"rule": "protection_status"})
    run_sql(world, harm)
    assert back_up(target).state == "succeeded"


def test_a_target_that_is_gone_is_no_error(target: Target, world: ConnInfo) -> None:
    protect(target, world, {"rule": "protection_status"})
    Target.objects.filter(pk=target.pk).update(port=1)
    gone = Target.objects.get(pk=target.pk)
    facts = {"name": "x", "finished_at": target.created_at, "level": "Stored", "rows": 1, "bytes": 1}
    assert not backup_log.tell(gone, **facts, actor=Actor.system("tests"))
    assert not backup_log.share_large_objects(gone, of=gone, actor=Actor.system("tests"))


def test_the_backup_role_backs_up_large_objects_of_later_too(target: Target, world: ConnInfo) -> None:
    name, password = f"reader_{secrets.token_hex(4)}", secrets.token_urlsafe(12)
    policy = protect(target, world, {"rule": "backup_role", "settings": {"role": name}})
    run_sql(world, f"ALTER ROLE {name} PASSWORD '{password}'", "SELECT lo_from_bytea(0, 'later')")
    give_role(target, replace(world, user=name, password=password), Purpose.BACKUP)
    backup = back_up(target)
    assert (backup.state, backup.error) == ("succeeded", "")
    assert verified(backup).state == "succeeded"
    uninstall(world, policy)


@pytest.mark.parametrize("cluster", [18], indirect=True)
def test_a_login_trigger_adds_no_row_to_what_is_proved(target: Target, world: ConnInfo) -> None:
    """Whoever looks at the restored copy logs in there, too."""
    protect(target, world, {"rule": "connection_log"}, {"rule": "delete_audit"}, {"rule": "protection_status"})
    assert attempt(world, "SELECT 1") is None
    backup = back_up(target)
    assert (backup.state, backup.error) == ("succeeded", "")
    proof = verified(backup)
    assert (proof.state, proof.error) == ("succeeded", "")
