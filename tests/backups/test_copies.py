"""Copies of one backup in several real destinations: read back, compared, tried again, taken back."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import time
from datetime import datetime, timedelta
from datetime import timezone as zones
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.utils import timezone

from audit.actors import Actor
from audit.exceptions import JobCancelled, NotPermitted
from audit.models import Alert, LedgerEntry
from audit.progress import Progress
from backups import copies, manifest, transfer
from backups.exceptions import (
    BackupNotUsable,
    CopyDamaged,
    DestinationInvalid,
    DestinationTaken,
    DestinationUnreachable,
    NoCopyStored,
)
from backups.manifest import Dump, Manifest
from backups.models import Backup, BackupCopy, CopyState, Destination
from backups.naming import backup_name, dump_file, folder_of, plain
from backups.transfer import SpoolFile
from tests.backups.places import Place, SshServer
from tests.backups.test_manifest import MANIFEST, write_key
from tests.cast import Cast
from tests.factories import BackupFactory

pytestmark = pytest.mark.django_db(transaction=True)
FOLDER = "tovplay/TovPlay/one"
TOVGOV = Actor.system("test")
BYTES = os.urandom(400_000)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> None:
    monkeypatch.setattr(transfer, "PAUSE_SECONDS", 0.05)
    settings.TOVGOV_SPOOL = tmp_path / "spool"
    settings.TOVGOV_KEYS = tmp_path / "keys"
    (tmp_path / "keys").mkdir()
    write_key(tmp_path / "keys" / "signing-key.pem", Ed25519PrivateKey.generate())


def row(place: Place, name: str = "there") -> Destination:
    return Destination.objects.create(name=name, kind=place.kind, settings=place.settings, secrets=place.secrets)


def folder_row(tmp_path: Path, name: str, *, is_there: bool = True) -> Destination:
    if is_there:
        (tmp_path / name).mkdir()
    return row(Place("folder", {"folder": str(tmp_path / name)}, {}), name)


def spool_file(folder: Path, name: str, data: bytes) -> SpoolFile:
    folder.mkdir(exist_ok=True, parents=True)
    (folder / name).write_bytes(data)
    return SpoolFile(folder / name, hashlib.sha256(data).hexdigest())


@pytest.fixture
def backup() -> Backup:
    return BackupFactory(running=True)


@pytest.fixture
def files(tmp_path: Path, backup: Backup) -> list[SpoolFile]:
    """What a backup leaves in the spool: dump, globals, a manifest that names them, its signature."""
    spool = tmp_path / "spool" / "b"
    dump, side = spool_file(spool, "a.dump.zst", BYTES), spool_file(spool, "globals.json", b"{}")
    facts = Manifest(
        **{name: getattr(MANIFEST, name) for name in Manifest.__slots__ if name not in ("dump", "side_files")},
        dump=Dump(dump.name, 900_000, len(BYTES), dump.sha256),
        side_files={side.name: side.sha256},
    )
    data, signature = manifest.sign(facts)
    backup.manifest = facts.to_dict()
    backup.save()
    return [
        dump,
        side,
        spool_file(spool, manifest.MANIFEST, data),
        spool_file(spool, manifest.SIGNATURE, signature),
    ]


def finish(backup: Backup) -> None:
    backup.state, backup.finished_at, backup.snapshot_at, backup.sha256 = (
        "succeeded",
        timezone.now(),
        timezone.now(),
        "a",
    )
    backup.save()


def test_three_kinds_hold_the_same_bytes(
    tmp_path: Path, s3: Place, sshd: SshServer, backup: Backup, files: list[SpoolFile]
) -> None:
    places = [folder_row(tmp_path, "one"), row(s3, "two"), row(sshd.place, "three")]
    progress = Progress(backup)
    stored = copies.store(backup, FOLDER, files, places, progress)
    assert [copy.state for copy in stored] == [CopyState.STORED] * 3
    for copy in stored:
        with copies.open_copy(copy) as file:
            assert b"".join(iter(lambda file=file: file.read(65_536), b"")) == BYTES
    assert [phase["name"] for phase in backup.phases] == ["Copy", "Read back"]
    assert progress._done == backup.total == 3 * sum(file.bytes for file in files)
    assert copies.remove_copies(backup, actor=TOVGOV) == []
    assert not (tmp_path / "one" / "tovplay").exists()
    assert list(sshd.folder.iterdir()) == []
    assert {copy.state for copy in backup.copies.all()} == {CopyState.REMOVED}


def test_one_that_fails_does_not_fail_the_others_and_is_told(
    tmp_path: Path, backup: Backup, files: list[SpoolFile]
) -> None:
    places = [folder_row(tmp_path, "good"), folder_row(tmp_path, "gone", is_there=False)]
    good, gone = copies.store(backup, FOLDER, files, places, Progress(backup))
    assert (good.state, gone.state) == (CopyState.STORED, CopyState.FAILED)
    assert gone.error_code == "destination.unreachable"
    assert gone.retry_at is not None
    alert = Alert.objects.get(kind="backup.copy_failed", resolved_at=None)
    assert "gone" in alert.title
    assert backup.target == alert.target


def test_a_destination_that_recovers_gets_its_copy_and_the_alert_ends(
    tmp_path: Path, backup: Backup, files: list[SpoolFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    queued: list[Any] = []
    monkeypatch.setattr(copies, "async_task", lambda task, pk, q_options: queued.append((task, pk)))
    places = [folder_row(tmp_path, "good"), folder_row(tmp_path, "gone", is_there=False)]
    _, gone = copies.store(backup, FOLDER, files, places, Progress(backup))
    assert copies.retry_copies() == []  # the backup is not finished, and the copy is not due
    finish(backup)
    BackupCopy.objects.filter(pk=gone.pk).update(retry_at=timezone.now() - timedelta(seconds=1))
    assert copies.retry_copies() == [gone]
    assert copies.retry_copies() == []  # nobody takes it twice
    assert queued == [("backups.tasks.retry_copy", gone.pk)]
    gone.refresh_from_db()
    assert isinstance(copies.retry_copy(gone), DestinationUnreachable)
    (tmp_path / "gone").mkdir()
    assert copies.retry_copy(gone) is None
    gone.refresh_from_db()
    assert gone.state == CopyState.STORED
    assert (tmp_path / "gone" / FOLDER / "a.dump.zst").read_bytes() == BYTES
    assert not Alert.objects.filter(kind="backup.copy_failed", resolved_at=None).exists()
    assert list((tmp_path / "spool").glob("retry-*")) == []


def test_a_person_need_not_wait_for_the_next_try(
    tmp_path: Path, backup: Backup, files: list[SpoolFile], cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued: list[Any] = []
    monkeypatch.setattr(copies, "async_task", lambda task, pk, q_options: queued.append(pk))
    places = [folder_row(tmp_path, "good"), folder_row(tmp_path, "gone", is_there=False)]
    _, gone = copies.store(backup, FOLDER, files, places, Progress(backup))
    finish(backup)
    assert copies.retry_now(backup, actor=cast.actor("alice")) == [gone]
    assert queued == [gone.pk]
    assert LedgerEntry.objects.get(action="backup.retry_copies").detail["destinations"] == "gone"
    with pytest.raises(NotPermitted):
        copies.retry_now(backup, actor=cast.actor("charlie"))


def test_without_a_good_copy_there_is_nothing_to_try(
    tmp_path: Path, backup: Backup, files: list[SpoolFile], cast: Cast
) -> None:
    copies.store(backup, FOLDER, files, [folder_row(tmp_path, "good")], Progress(backup))
    finish(backup)
    BackupCopy.objects.update(state=CopyState.FAILED, error_code="x", error="x")
    with pytest.raises(BackupNotUsable):
        copies.retry_now(backup, actor=cast.actor("alice"))


def test_a_retry_never_spreads_an_altered_copy(tmp_path: Path, backup: Backup, files: list[SpoolFile]) -> None:
    places = [folder_row(tmp_path, "good"), folder_row(tmp_path, "gone", is_there=False)]
    _, gone = copies.store(backup, FOLDER, files, places, Progress(backup))
    finish(backup)
    (tmp_path / "gone").mkdir()
    path = tmp_path / "good" / FOLDER / "a.dump.zst"
    path.write_bytes(BYTES[:-1] + b"x")
    assert isinstance(copies.retry_copy(gone), CopyDamaged)
    assert not (tmp_path / "gone" / "tovplay").exists()


def test_none_at_all_fails_and_may_be_tried_again(tmp_path: Path, backup: Backup, files: list[SpoolFile]) -> None:
    places = [folder_row(tmp_path, name, is_there=False) for name in ("x", "y")]
    with pytest.raises(NoCopyStored, match="x: No such file") as caught:
        copies.store(backup, FOLDER, files, places, Progress(backup))
    assert not caught.value.permanent


def test_what_no_second_try_mends_is_raised_as_it_is(tmp_path: Path, backup: Backup, files: list[SpoolFile]) -> None:
    with pytest.raises(DestinationInvalid):
        copies.store(backup, FOLDER, files, [row(Place("folder", {"folder": "relative"}, {}))], Progress(backup))


def test_files_of_somebody_else_are_never_touched(tmp_path: Path, backup: Backup, files: list[SpoolFile]) -> None:
    place = folder_row(tmp_path, "one")
    theirs = tmp_path / "one" / FOLDER / "globals.json"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("theirs")
    with pytest.raises(DestinationTaken):
        copies.store(backup, FOLDER, files, [place], Progress(backup))
    assert theirs.read_text() == "theirs"
    assert [path.name for path in theirs.parent.iterdir()] == ["globals.json"]


def test_a_line_that_breaks_once_is_tried_again(
    tmp_path: Path, backup: Backup, files: list[SpoolFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = folder_row(tmp_path, "one", is_there=False)
    maker = threading.Timer(0.08, (tmp_path / "one").mkdir)
    maker.start()
    (copy,) = copies.store(backup, FOLDER, files, [place], Progress(backup))
    maker.join()
    assert copy.state == CopyState.STORED


def test_bytes_that_change_on_the_way_are_found_when_read_back(
    tmp_path: Path, backup: Backup, files: list[SpoolFile]
) -> None:
    lying = [SpoolFile(file.path, "0" * 64) if file.name == "a.dump.zst" else file for file in files]
    with pytest.raises(CopyDamaged, match="came back"):
        copies.store(backup, FOLDER, lying, [folder_row(tmp_path, "one")], Progress(backup))


def test_a_cancel_leaves_no_file_anywhere(
    tmp_path: Path, sshd: SshServer, s3: Place, backup: Backup, files: list[SpoolFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    progress = Progress(backup)
    places = [folder_row(tmp_path, "one"), row(sshd.place, "two"), row(s3, "three")]
    real, began = transfer.CountedFile.read, time.monotonic()

    def read(self: Any, size: int = -1) -> bytes:
        if self.counted > 100_000:
            progress.end(JobCancelled())
        return real(self, min(size, 50_000) if size > 0 else 50_000)

    monkeypatch.setattr(transfer.CountedFile, "read", read)
    monkeypatch.setattr("backups.destinations.folder._linked", lambda content, part: False)
    with pytest.raises(JobCancelled):
        copies.store(backup, FOLDER, files, places, progress)
    assert time.monotonic() - began < 30  # a loaded machine's rest; nothing waits for a timeout of a minute
    assert list((tmp_path / "one").iterdir()) == []
    assert list(sshd.folder.iterdir()) == []
    assert {copy.state for copy in backup.copies.all()} == {CopyState.REMOVED}


def test_the_nearest_good_copy_is_read(tmp_path: Path, sshd: SshServer, backup: Backup, files: list[SpoolFile]) -> None:
    places = [row(sshd.place, "far"), folder_row(tmp_path, "near")]
    far, near = copies.store(backup, FOLDER, files, places, Progress(backup))
    assert copies.best_copy(backup) == near
    BackupCopy.objects.filter(pk=near.pk).update(state=CopyState.DAMAGED)
    assert copies.best_copy(backup) == far
    BackupCopy.objects.filter(pk=far.pk).update(state=CopyState.FAILED)
    with pytest.raises(BackupNotUsable):
        copies.best_copy(backup)
    transfer.remove(far.destination, FOLDER)


def test_a_missing_file_is_damage_and_a_missing_disk_is_not(
    tmp_path: Path, backup: Backup, files: list[SpoolFile]
) -> None:
    (copy,) = copies.store(backup, FOLDER, files, [folder_row(tmp_path, "one")], Progress(backup))
    (tmp_path / "one" / FOLDER / "a.dump.zst").unlink()
    with pytest.raises(CopyDamaged, match="missing"), copies.open_copy(copy):
        pass
    shutil.rmtree(tmp_path / "one")
    with pytest.raises(DestinationUnreachable), copies.open_copy(copy):
        pass


def test_what_cannot_be_removed_is_said(tmp_path: Path, backup: Backup, files: list[SpoolFile]) -> None:
    (copy,) = copies.store(backup, FOLDER, files, [folder_row(tmp_path, "one")], Progress(backup))
    (tmp_path / "one").rename(tmp_path / "away")
    assert copies.remove_copies(backup, actor=TOVGOV) == [copy]
    copy.refresh_from_db()
    assert copy.state == CopyState.STORED
    assert "could not be removed" in copy.error
    assert LedgerEntry.objects.filter(action="backup.remove_copies", detail__left=["one"]).exists()


def test_a_destination_is_tested_with_a_probe_that_goes_away(place: Place, cast: Cast) -> None:
    there = row(place)
    assert copies.test_destination(there, actor=cast.actor("miriam")) is None
    there.refresh_from_db()
    assert there.tested_at is not None
    assert there.test_error == ""
    with transfer.storage_of(there) as storage:
        assert list(storage.walk()) == []


def test_a_failing_test_says_why_on_the_destination(tmp_path: Path, cast: Cast) -> None:
    there = folder_row(tmp_path, "gone", is_there=False)
    assert isinstance(copies.test_destination(there, actor=cast.actor("miriam")), DestinationUnreachable)
    there.refresh_from_db()
    assert "No such file" in there.test_error
    with pytest.raises(NotPermitted):
        copies.test_destination(there, actor=cast.actor("charlie"))


def test_names_say_what_is_inside_and_suit_every_file_system() -> None:
    at = datetime(2026, 7, 21, 12, 15, 30, tzinfo=zones(timedelta(hours=2)))
    assert backup_name("TovPlay-production", "TovPlay", at, "manual") == (
        "TovPlay-production.TovPlay.20260721T101530Z.manual"
    )
    assert dump_file("x", is_encrypted=True) == "x.dump.zst.age"
    assert dump_file("x", is_encrypted=False) == "x.dump.zst"
    nasty = [
        'a/b;"c 😀',
        "a/b;'c 😀",
        "../../etc",
        "-rf",
        ".hidden",
        "😀",
        "é" * 31,
        "x" * 63,
        "a b",
        "a-b",
        "con ",
        "",
    ]
    made = [plain(name) for name in nasty]
    assert len(set(made)) == len(nasty)
    for name in made:
        assert name.isascii()
        assert name.replace("-", "").replace("_", "").isalnum()
        assert len(name) <= 48
    assert folder_of("x", "..", "n").split("/")[0::2] == ["x", "n"]
    assert ".." not in folder_of("x", "..", "n")
