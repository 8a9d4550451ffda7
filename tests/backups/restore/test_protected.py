"""A protected database is backed up, proved, restored, undone and recovered, and is protected afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from audit import tasks as audit_tasks
from audit.models import DeleteAuditLog, Purpose, Target
from audit.postgres.connect import ConnInfo, connect
from audit.protection import install, policies, verify
from audit.protection.rule import Status
from backups.models import Backup, Destination, Level, Restore
from backups.restore.request import request
from backups.restore.undo import drop_kept, redo, undo
from tests.audit.protection.conftest import SCHEMA
from tests.audit.protection.steps import attempt
from tests.audit.servers import register
from tests.backups.house import back_up, databases, verified
from tests.backups.restore.conftest import perform
from tests.cast import Cast
from tests.conftest import MakeDatabase, drop_database
from tovgov.embedded import Cluster

pytestmark = pytest.mark.django_db(transaction=True)
on_both = pytest.mark.parametrize("cluster", [16, 18], indirect=True)
WHY = "The club asked for it."


@dataclass
class Guarded:
    """A protected target and who acts."""

    target: Target
    info: ConnInfo
    cast: Cast

    def wrong(self) -> dict[str, Status]:
        found = verify.verify(self.target, actor=self.cast.actor("miriam"))
        return {f.object: f.status for f in found if f.status is not Status.INSTALLED}

    def restore(self, backup: Backup, mode: str) -> Restore:
        actor = self.cast.actor("alice")
        restore = perform(request(backup, mode=mode, actor=actor, target=self.target, reason=WHY, override_loss=False))
        assert restore.state == "succeeded", f"{restore.error} {restore.hint}\n{restore.log}"
        self.target.refresh_from_db()
        return restore

    def count(self) -> int:
        with connect(self.info) as connection:
            row = connection.execute("SELECT count(*) FROM shop.customer").fetchone()
        assert row is not None
        return int(row[0])

    def install(self, name: str) -> None:
        run = install.request(self.target, policies.find(name), actor=self.cast.actor("miriam"), reason=WHY)
        audit_tasks.run_protection(run.pk)
        run.refresh_from_db()
        assert run.state == "succeeded", run.error


Guard = Callable[[str], Guarded]


@pytest.fixture
def guard(
    cluster: Cluster, make_database: MakeDatabase, shelf: Destination, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Guard]:
    monkeypatch.setattr("audit.jobs.enqueue", lambda *a, **k: None)
    info = make_database(cluster)

    def make(name: str) -> Guarded:
        with connect(info) as connection:
            connection.execute(SCHEMA)
        policies.ensure_policies()
        target = register(info, credentials={Purpose.OPERATE: (info.user, info.password)})
        made = Guarded(target, info, cast)
        made.install(name)
        return made

    yield make
    for name in [name for name in databases(info) if name.startswith(info.database)]:
        with connect(info.to(name)) as connection:
            connection.execute("DROP SUBSCRIPTION IF EXISTS tovgov_second_lock")
        drop_database(cluster, name)


@on_both
@pytest.mark.parametrize("name", ["standard", "lockdown"])
def test_replaced_undone_and_redone_it_is_protected_each_time(guard: Guard, name: str, cast: Cast) -> None:
    guarded = guard(name)
    attempt(guarded.info, "DELETE FROM shop.customer WHERE id = 2")
    backup = back_up(guarded.target)
    assert backup.state == "succeeded", backup.error
    verified(backup)
    assert backup.level == Level.PROVED
    attempt(guarded.info, "UPDATE shop.customer SET name = 'spoiled'")
    restore = guarded.restore(backup, "replace")
    assert restore.proof["holds"]
    assert "It is protected as before" in restore.log
    assert guarded.wrong() == {}
    still_held(guarded)
    for turn in (undo, redo):
        turn(restore, actor=cast.actor("alice"), reason=WHY)
        guarded.target.refresh_from_db()
        assert guarded.wrong() == {}, turn.__name__
        still_held(guarded)
    drop_kept(restore, actor=cast.actor("alice"), reason=WHY)
    assert not [name for name in databases(guarded.info) if name.startswith(f"{guarded.info.database}_")]


def test_deletes_since_the_backup_are_imported_before_a_swap(guard: Guard) -> None:
    guarded = guard("standard")
    backup = back_up(guarded.target)
    attempt(guarded.info, "DELETE FROM shop.customer")
    guarded.restore(backup, "replace")
    assert guarded.count() == 2
    kept = DeleteAuditLog.objects.filter(target=guarded.target, table_name="customer").values_list("row", flat=True)
    names = sorted(json.loads(row)["name"] for row in kept)
    assert names == ["Dan", "Noa"], "what was captured between the backup and the swap is kept by tovgov"


def test_what_is_missing_after_a_restore_is_said(guard: Guard) -> None:
    """The backup is older than the policy."""
    guarded = guard("watch only")
    backup = back_up(guarded.target)
    guarded.install("standard")
    restore = guarded.restore(backup, "replace")
    assert "install the policy again" in restore.log
    assert guarded.wrong() != {}
    guarded.install("standard")
    assert guarded.wrong() == {}


def still_held(guarded: Guarded) -> None:
    for act in (
        "TRUNCATE shop.customer CASCADE",
        "DROP TABLE shop.customer CASCADE",
        "ALTER TABLE shop.customer DISABLE TRIGGER ALL",
    ):
        assert attempt(guarded.info, act) is not None, act
    there = guarded.info.to("postgres")
    assert attempt(there, f'DROP DATABASE "{guarded.info.database}" WITH (FORCE)') is not None


@on_both
@pytest.mark.parametrize("name", ["standard", "lockdown"])
def test_dropped_by_a_superuser_who_unlocked_it_it_is_recovered_and_protected(guard: Guard, name: str) -> None:
    guarded = guard(name)
    backup = back_up(guarded.target)
    attempt(guarded.info, "DROP SUBSCRIPTION IF EXISTS tovgov_second_lock")
    there, database = guarded.info.to("postgres"), guarded.info.database
    assert attempt(there, f'ALTER DATABASE "{database}" IS_TEMPLATE false', f'DROP DATABASE "{database}"') is None
    restore = guarded.restore(backup, "recover")
    assert restore.proof["holds"]
    assert guarded.wrong() == {}
    assert guarded.count() == 2
    still_held(guarded)
