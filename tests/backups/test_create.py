"""Backups of a real database, from the request to the copies that were read back."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from pathlib import Path

import psycopg
import pytest

from audit.models import LedgerEntry, Target
from audit.postgres.connect import ConnInfo
from backups import create, manifest
from backups.models import Backup, BackupCopy, CopyState, Destination, Level
from tests.backups.house import TOVGOV, back_up, clear, destination, verified
from tests.backups.places import Place, SshServer
from tests.backups.tools.conftest import ROWS

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_backup_is_made_signed_copied_and_read_back(target: Target, tmp_path: Path) -> None:
    backup = back_up(target, reason="before the release")
    assert (backup.state, backup.error) == ("succeeded", "")
    assert backup.level == Level.STORED
    copy = BackupCopy.objects.get(backup=backup)
    assert copy.state == CopyState.STORED
    folder = tmp_path / "copies" / copy.path
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [
            f"{backup.name}.dump.zst.age",
            "globals.json",
            "globals.sql",
            "manifest.json",
            "manifest.json.sig",
            "schema.txt",
        ]
    )
    facts = manifest.load_and_check(
        (folder / "manifest.json").read_bytes(), (folder / "manifest.json.sig").read_bytes()
    )
    assert facts == manifest.Manifest.from_dict(backup.manifest)
    assert {f'"{t.schema}"."{t.name}"': t.rows for t in facts.tables} == {
        (name if "." in name else f'"public".{name}').replace('""', '"'): rows for name, rows in ROWS.items()
    }
    assert facts.large_objects.count == 1
    assert facts.database == target.database
    assert backup.name.split(".")[0] == "TovPlay"
    assert [phase["name"] for phase in backup.phases] == [
        "Identify", "Snapshot", "Dump and hash", "Manifest", "Copy", "Read back",
    ]  # fmt: skip
    assert list((tmp_path / "spool").iterdir()) == []
    actions = LedgerEntry.objects.filter(object_type="backups.Backup").order_by("number")
    assert [entry.action for entry in actions] == ["backup.request", "backup.succeeded"]


def test_the_globals_hold_roles_but_no_password(target: Target, tmp_path: Path) -> None:
    backup = back_up(target)
    folder = tmp_path / "copies" / BackupCopy.objects.get(backup=backup).path
    facts = json.loads((folder / "globals.json").read_text())
    assert {"database", "extensions", "memberships", "needed_roles", "owners", "roles"} == set(facts)
    assert facts["database"]["owner"] == "postgres"
    assert "postgres" in {role["name"] for role in facts["roles"]}
    script = (folder / "globals.sql").read_text()
    assert "CREATE ROLE postgres" in script
    assert "PASSWORD" not in script


@pytest.mark.skipif(shutil.which("age") is None or shutil.which("zstd") is None, reason="age or zstd is missing")
def test_the_command_line_opens_it_without_tovgov(target: Target, tmp_path: Path, keys: Path) -> None:
    backup = back_up(target)
    path = next((tmp_path / "copies").rglob("*.dump.zst.age"))
    command = f"age -d -i {keys / 'age-identity.txt'} {path} | zstd -dc | head -c 5"
    out = subprocess.run(["bash", "-c", command], capture_output=True, check=True).stdout
    assert out == b"PGDMP"
    assert backup.is_encrypted


def test_it_is_proved_when_that_was_asked_for(target: Target) -> None:
    backup = back_up(target, prove=True)
    verification = backup.verifications.get()
    assert (verification.state, verification.level) == ("queued", Level.PROVED)


def test_counts_and_hashes_are_true_while_rows_change(target: Target, world: ConnInfo) -> None:
    """The restored database equals the manifest though somebody wrote all the time."""
    stop = threading.Event()

    def write() -> None:
        with psycopg.connect(**world.keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
            number = 1000
            while not stop.is_set():
                number += 1
                connection.execute('INSERT INTO "😀 и ключ" VALUES (%s, %s)', [number, "x"])
                connection.execute('DELETE FROM "😀 и ключ" WHERE id = %s', [number - 20])
                connection.execute('UPDATE "Player One" SET "e-mail" = %s', [f"{number}@example.org"])
                connection.execute('SELECT nextval(pg_get_serial_sequence(\'"semi;colon ""quoted"""\', \'id\'))')

    writer = threading.Thread(target=write)
    writer.start()
    try:
        time.sleep(0.2)
        backup = back_up(target)
    finally:
        stop.set()
        writer.join()
    assert backup.state == "succeeded"
    verification = verified(backup)
    assert verification.error == ""
    assert backup.level == Level.PROVED


def test_three_kinds_of_destinations_hold_a_copy_each_and_each_can_be_proved(
    target: Target, s3: Place, sshd: SshServer
) -> None:
    for place in (s3, sshd.place):
        destination(place, place.kind)
    backup = back_up(target)
    copies = list(backup.copies.order_by("pk"))
    assert [copy.state for copy in copies] == [CopyState.STORED] * 3
    for copy in copies:
        assert verified(backup, Level.READABLE, copy=copy).state == "succeeded"
        assert verified(backup, Level.PROVED, copy=copy).state == "succeeded"
    clear(backup)


def test_without_encryption_nothing_is_encrypted(target: Target, settings: object, tmp_path: Path) -> None:
    settings.TOVGOV_ENCRYPT = False  # type: ignore[attr-defined]
    backup = back_up(target)
    assert not backup.is_encrypted
    path = next((tmp_path / "copies").rglob("*.dump.zst"))
    assert path.read_bytes()[:4] == b"\x28\xb5\x2f\xfd"
    assert verified(backup).reached == Level.PROVED


def test_only_the_wanted_destinations_get_a_copy(target: Target, tmp_path: Path, shelf: Destination) -> None:
    other = Destination.objects.create(
        name="other", kind="folder", settings={"folder": str(tmp_path / "other")}, is_active=False
    )
    (tmp_path / "other").mkdir()
    backup = back_up(target, destinations=[other])
    assert [copy.destination for copy in backup.copies.all()] == [other]
    assert list((tmp_path / "copies").iterdir()) == []


def test_the_backup_before_a_restore_does_not_wait_for_its_turn(target: Target, settings: object) -> None:
    settings.TOVGOV_MAX_BACKUPS = 1  # type: ignore[attr-defined]
    waiting = create.request(target, actor=TOVGOV)
    with create.turn(waiting.pk) as first, create.turn(waiting.pk) as second:
        assert (first, second) == (True, False)
        Backup.objects.filter(pk=waiting.pk).update(kind="before-restore")
        with create.turn(waiting.pk) as third:
            assert third
