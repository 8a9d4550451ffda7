"""From a copy to a database: by a file or, without room, as a stream; what is left out; what a cancel leaves."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from audit.exceptions import JobCancelled
from audit.models import Target
from audit.postgres.connect import ConnInfo
from audit.progress import Progress
from backups import unpack
from backups.copies import best_copy
from backups.exceptions import CopyDamaged, DiskFull
from backups.manifest import Manifest
from backups.models import Backup
from backups.proof import prove
from tests.backups.house import back_up, run_sql
from tests.conftest import MakeDatabase, MakeRole
from tests.factories import BackupFactory
from tovgov.embedded import Cluster

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def backup(target: Target) -> Backup:
    return back_up(target)


@pytest.fixture
def progress(target: Target) -> Progress:
    return Progress(BackupFactory(running=True, target__name="Other"))


@pytest.fixture
def empty(cluster: Cluster, make_database: MakeDatabase) -> ConnInfo:
    return make_database(cluster)


def restored(backup: Backup, into: ConnInfo, progress: Progress, **options: Any) -> tuple[str, ...]:
    return unpack.restore_archive(backup, best_copy(backup), into, progress, **options)


def no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "_has_room", lambda backup: False)


def test_without_room_a_superusers_restore_streams(
    backup: Backup, empty: ConnInfo, progress: Progress, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    no_room(monkeypatch)
    monkeypatch.setattr(unpack, "unpacked", None)
    restored(backup, empty, progress)
    assert prove(empty, Manifest.from_dict(backup.manifest), progress).holds
    assert [phase["name"] for phase in progress.job.phases][:1] == ["Restore"]
    assert list((tmp_path / "spool").iterdir()) == []


def test_a_damaged_copy_is_found_while_it_streams(
    backup: Backup, empty: ConnInfo, progress: Progress, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    no_room(monkeypatch)
    path = next((tmp_path / "copies").rglob("*.age"))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CopyDamaged):
        restored(backup, empty, progress)


def test_without_room_and_rights_it_says_so(
    backup: Backup, empty: ConnInfo, progress: Progress, roles: MakeRole, cluster: Cluster, tmp_path: Path
) -> None:
    clerk = roles(cluster)
    run_sql(empty, f'GRANT ALL ON DATABASE "{empty.database}" TO "{clerk.user}"')
    Backup.objects.filter(pk=backup.pk).update(dump_bytes=1 << 43)
    with pytest.raises(DiskFull):
        restored(Backup.objects.get(pk=backup.pk), clerk.to(empty.database), progress)
    assert list((tmp_path / "spool").iterdir()) == []


def test_subscriptions_are_left_out_and_told(
    target: Target, world: ConnInfo, empty: ConnInfo, progress: Progress
) -> None:
    run_sql(
        world,
        "CREATE SUBSCRIPTION lock CONNECTION 'host=127.0.0.1 port=1' PUBLICATION p "
        "WITH (connect = false, slot_name = NONE)",
    )
    try:
        backup = back_up(target)
        left_out = restored(backup, empty, progress, owners=False)
    finally:
        run_sql(world, "DROP SUBSCRIPTION lock")
    assert any(words.startswith("SUBSCRIPTION") for words in left_out)
    assert prove(empty, Manifest.from_dict(backup.manifest), progress, left_out=left_out).holds


def test_only_the_rows_that_were_asked_for(backup: Backup, empty: ConnInfo, progress: Progress) -> None:
    restored(backup, empty, progress, data_of=[("public", "😀 и ключ")])
    with psycopg.connect(**empty.keywords()) as connection:  # type: ignore[arg-type]
        count = [
            connection.execute(f'SELECT count(*) FROM "{name}"').fetchone() for name in ("😀 и ключ", "Player One")
        ]  # type: ignore[arg-type]
    assert count == [(500,), (0,)]


@pytest.mark.parametrize("streams", [False, True])
def test_a_cancel_ends_it_at_once(
    backup: Backup,
    empty: ConnInfo,
    progress: Progress,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    streams: bool,
) -> None:
    monkeypatch.setattr(unpack, "_has_room", lambda backup: not streams)
    run_sql(
        empty,
        "CREATE FUNCTION wait() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); END'",
        "CREATE EVENT TRIGGER slow ON ddl_command_start EXECUTE FUNCTION wait()",
    )
    began = time.monotonic()
    threading.Timer(1, progress.end, [JobCancelled("by Alice")]).start()
    with pytest.raises(JobCancelled):
        restored(backup, empty, progress)
    assert time.monotonic() - began < 40
    assert list((tmp_path / "spool").iterdir()) == []
