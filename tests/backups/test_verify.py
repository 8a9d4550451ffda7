"""A verifier is worth what it refuses: good backups pass each level, every damage fails."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from audit.actors import Actor
from audit.exceptions import KeyMissing, NotPermitted
from audit.models import Alert, Environment, Purpose, Target
from audit.postgres.connect import ConnInfo
from backups import self_test, verify
from backups.exceptions import BackupNotUsable, VerificationRunning, VerifierBlind
from backups.models import Backup, BackupCopy, CopyState, Destination, Level
from tests.backups.house import TOVGOV, back_up, databases, folder, register, run_sql, verified
from tests.cast import Cast
from tests.conftest import MakeDatabase, MakeRole
from tests.factories import BackupFactory
from tovgov.embedded import Cluster

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def backup(target: Target) -> Backup:
    return back_up(target)


def stored_dump(backup: Backup) -> Path:
    copy = backup.copies.get()
    return Path(copy.destination.settings["folder"]) / copy.path / f"{backup.name}.dump.zst.age"


@pytest.mark.parametrize("level", [Level.STORED, Level.READABLE, Level.PROVED])
def test_a_good_backup_reaches_each_level(backup: Backup, level: Level) -> None:
    verification = verified(backup, level)
    assert (verification.state, verification.reached, verification.error) == ("succeeded", level, "")
    assert backup.level == level


def test_a_lesser_check_never_lowers_what_was_proved(backup: Backup) -> None:
    verified(backup, Level.PROVED)
    verified(backup, Level.STORED)
    assert backup.level == Level.PROVED


def test_the_proof_shows_every_table_and_leaves_no_scratch_database(backup: Backup, world: ConnInfo) -> None:
    before = databases(world)
    verification = verified(backup)
    tables = {(table["schema"], table["name"]): table for table in verification.result["tables"]}
    assert tables["public", "Player One"] == {
        "schema": "public", "name": "Player One", "wanted_rows": 200, "found_rows": 200, "is_equal": True,
    }  # fmt: skip
    assert verification.result["holds"] is True
    assert databases(world) == before
    assert verification.scratch_database == ""


def test_a_subscription_is_not_made_again_in_the_scratch_database(target: Target, world: ConnInfo) -> None:
    """It would receive the live data there, and it refuses DROP DATABASE."""
    options = "connect = false, slot_name = NONE, enabled = false"
    run_sql(world, f"CREATE SUBSCRIPTION feed CONNECTION 'host=db.example.org' PUBLICATION p WITH ({options})")
    try:
        before = databases(world)
        verification = verified(back_up(target))
        assert (verification.state, verification.error) == ("succeeded", "")
        assert databases(world) == before
    finally:
        run_sql(world, "DROP SUBSCRIPTION feed")


def test_proving_on_a_scratch_server_leaves_the_target_alone(
    backup: Backup, clusters: dict[int, Cluster], make_database: MakeDatabase
) -> None:
    scratch = register(make_database(clusters[18]), name="Scratch", environment=Environment.SCRATCH)
    Target.objects.filter(pk=backup.target_id).update(proving_target=scratch, host="unreachable.invalid")
    verification = verified(Backup.objects.get(pk=backup.pk))
    assert (verification.state, verification.error) == ("succeeded", "")


@pytest.mark.parametrize("seed", range(12))
def test_damage_anywhere_fails_and_is_told(backup: Backup, seed: int, world: ConnInfo) -> None:
    chance, path = random.Random(seed), stored_dump(backup)
    data = bytearray(path.read_bytes())
    if seed % 3 == 0:
        del data[chance.randrange(len(data)) :]
    elif seed % 3 == 1:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    else:
        data += b"\0" * chance.randrange(1, 100)
    path.write_bytes(data)
    verification = verified(backup, list(Level)[1 + seed % 3])
    assert (verification.state, verification.error_code) == ("failed", "copy.damaged")
    assert backup.copies.get().state == CopyState.DAMAGED
    assert backup.damaged_at is not None
    assert backup.level == Level.NONE
    assert Alert.objects.get(kind="backup.damaged", resolved_at=None).target == backup.target


def test_hundreds_of_damaged_copies_are_all_found(backup: Backup) -> None:
    assert self_test.self_test(backup, actor=TOVGOV, cases=150) == {
        "backup": backup.name, "cases": 300, "missed": [],
    }  # fmt: skip


def test_the_self_test_itself_can_fail(backup: Backup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(self_test, "DAMAGES", (lambda path, chance: ("nothing at all", path.open("rb")),))
    with pytest.raises(VerifierBlind, match="4 of 4"):
        self_test.self_test(backup, actor=TOVGOV, cases=2)


def test_a_missing_file_is_damage(backup: Backup) -> None:
    stored_dump(backup).unlink()
    assert verified(backup, Level.STORED).error_code == "copy.damaged"


@pytest.mark.parametrize("name", ["manifest.json", "manifest.json.sig", "globals.json", "globals.sql"])
def test_what_lies_beside_the_dump_is_checked_too(backup: Backup, name: str) -> None:
    path = stored_dump(backup).parent / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    verification = verified(backup, Level.STORED)
    assert verification.error_code in ("copy.damaged", "manifest.invalid")
    assert backup.copies.get().state == CopyState.DAMAGED


def test_the_signed_manifest_of_another_backup_is_refused(backup: Backup, target: Target) -> None:
    other = back_up(target)
    for name in ("manifest.json", "manifest.json.sig"):
        shutil.copy(stored_dump(other).parent / name, stored_dump(backup).parent / name)
    assert "another backup" in verified(backup, Level.STORED).error


def test_one_damaged_copy_leaves_the_other_usable(target: Target, tmp_path: Path) -> None:
    folder(tmp_path / "second", "second")
    backup = back_up(target)
    good, bad = BackupCopy.objects.filter(backup=backup).order_by("pk")
    stored = Path(bad.destination.settings["folder"]) / bad.path / f"{backup.name}.dump.zst.age"
    stored.write_bytes(stored.read_bytes()[:-1])
    assert verified(backup, Level.STORED, copy=bad).error_code == "copy.damaged"
    assert backup.level == Level.STORED
    assert verified(backup, Level.PROVED).copy == good
    assert backup.level == Level.PROVED
    assert backup.damaged_at is not None  # the bad copy is still there
    bad.refresh_from_db()
    assert bad.state == CopyState.DAMAGED


def test_a_copy_that_is_good_again_ends_the_alarm(backup: Backup) -> None:
    path = stored_dump(backup)
    data = path.read_bytes()
    path.write_bytes(data[:-1])
    verified(backup, Level.STORED)
    path.write_bytes(data)
    assert verified(backup, Level.STORED, copy=backup.copies.get()).state == "succeeded"
    assert backup.damaged_at is None
    assert not Alert.objects.filter(kind="backup.damaged", resolved_at=None).exists()


@pytest.mark.parametrize(
    ("tamper", "says"),
    [
        ({"rows": 199}, '"public"."Player One" has 200 rows of 199'),
        ({"hash": "1"}, '"public"."Player One" has 200 rows, but with other content'),
        ({"name": "Player Two"}, '"public"."Player Two" is missing (200 rows)'),
    ],
)
def test_rows_that_differ_fail_the_proof(
    backup: Backup, tamper: dict[str, Any], says: str, world: ConnInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The archive is whole, but not what the manifest says: the proof must see it."""
    table = next(table for table in backup.manifest["tables"] if table["name"] == "Player One")
    table.update(tamper)
    backup.save()
    monkeypatch.setattr(verify, "check_stored", lambda *args: None)
    before = databases(world)
    verification = verified(backup)
    assert verification.error_code == "proof.failed"
    assert says in verification.error
    assert backup.level == Level.READABLE
    assert backup.damaged_at is not None
    assert databases(world) == before


def test_a_lesser_check_says_nothing_against_a_failed_proof(
    backup: Backup, monkeypatch: pytest.MonkeyPatch, world: ConnInfo
) -> None:
    tables = backup.manifest["tables"]
    rows, tables[0]["rows"] = tables[0]["rows"], 10**6
    backup.save()
    with monkeypatch.context() as patch:
        patch.setattr(verify, "check_stored", lambda *args: None)
        assert verified(backup).error_code == "proof.failed"
        assert verified(backup, Level.STORED).state == "succeeded"
        assert backup.damaged_at is not None
        assert backup.level == Level.READABLE
    backup.manifest["tables"][0]["rows"] = rows
    backup.save()
    assert verified(backup).state == "succeeded"
    assert backup.damaged_at is None
    assert backup.level == Level.PROVED


def test_rows_that_break_their_own_foreign_key_fail_the_proof(target: Target, world: ConnInfo) -> None:
    """An orphan that the live catalogue calls valid cannot be restored, and the page must say why."""
    run_sql(
        world,
        "SET session_replication_role = replica; "
        'DELETE FROM "Player One" WHERE id = (SELECT player FROM "semi;colon ""quoted""" LIMIT 1)',
    )
    backup = back_up(target)
    verification = verified(backup)
    assert verification.error_code == "proof.failed"
    assert "break a rule of their own database" in verification.error
    assert "parent is missing" in verification.hint


def test_a_lost_key_is_named_and_condemns_nothing(backup: Backup, keys: Path) -> None:
    (keys / "age-identity.txt").unlink()
    verification = verified(backup)
    assert verification.error_code == KeyMissing.code
    assert "age-identity.txt" in verification.error
    assert backup.damaged_at is None
    assert backup.level == Level.STORED
    assert verified(backup, Level.STORED).state == "succeeded"  # needs no secret key


def test_an_unreachable_destination_condemns_nothing(backup: Backup, tmp_path: Path) -> None:
    (tmp_path / "copies").rename(tmp_path / "away")
    verification = verified(backup, Level.STORED)
    assert (verification.error_code, verification.attempt) == ("destination.unreachable", 2)
    assert backup.damaged_at is None


def test_who_may_not_may_not(cast: Cast) -> None:
    backup = BackupFactory(stored=True)
    with pytest.raises(NotPermitted):
        verify.request(backup, Level.STORED, actor=cast.actor("charlie"))
    with pytest.raises(NotPermitted):
        self_test.self_test(backup, actor=cast.actor("charlie"))


def test_one_verification_at_a_time(cast: Cast) -> None:
    backup = BackupFactory(stored=True)
    verify.request(backup, Level.STORED, actor=cast.actor("alice"))
    with pytest.raises(VerificationRunning):
        verify.request(backup, Level.PROVED, actor=cast.actor("alice"))


@pytest.mark.parametrize("trait", ["failed", "running", "removed"])
def test_only_a_usable_backup_is_verified(trait: str) -> None:
    with pytest.raises(BackupNotUsable):
        verify.request(BackupFactory(**{trait: True}), Level.STORED, actor=Actor.system("test"))


def test_a_role_that_may_make_databases_is_enough(
    world: ConnInfo, roles: MakeRole, cluster: Cluster, shelf: Destination, target: Target
) -> None:
    """The operating role need not be a superuser: owners are left out, and only comments are skipped."""
    backup = back_up(target)
    clerk = roles(cluster, "CREATEDB")
    target.credentials.filter(purpose=Purpose.OPERATE).update(user=clerk.user)
    role = target.credentials.get(purpose=Purpose.OPERATE)
    role.password = clerk.password
    role.save()
    run_sql(world, f'GRANT EXECUTE ON FUNCTION pg_control_system() TO "{clerk.user}"')
    verification = verified(backup)
    assert (verification.state, verification.error) == ("succeeded", "")
    assert "Left out" in verification.log
