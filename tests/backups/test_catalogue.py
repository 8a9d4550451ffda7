"""The catalogue comes back from a destination alone, believes only what is signed, and never doubles a row."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit import ledger, registry
from audit.exceptions import KeyMissing, NotPermitted
from audit.models import LedgerEntry, Target
from audit.postgres.connect import ConnInfo
from backups import catalogue
from backups.exceptions import DestinationUnreachable
from backups.models import Backup, BackupCopy, Destination, Level
from tests.backups.house import TOVGOV, back_up, folder, give_role, verified
from tests.cast import Cast

pytestmark = pytest.mark.django_db(transaction=True)
KEPT = (
    "name", "kind", "database", "database_oid", "system_identifier", "server_version", "dump_version", "lsn",
    "snapshot_at", "tables", "rows", "dump_bytes", "stored_bytes", "sha256", "is_encrypted", "manifest",
)  # fmt: skip


@pytest.fixture
def backup(target: Target) -> Backup:
    return back_up(target)


def forget() -> None:
    """As if tovgov's own database were new."""
    Backup.objects.all().delete()
    Target.objects.all().delete()


def test_everything_known_of_a_backup_comes_back(backup: Backup, shelf: Destination) -> None:
    facts = {name: getattr(backup, name) for name in KEPT}
    forget()
    rebuilt = catalogue.rebuild(shelf, actor=TOVGOV)
    assert (rebuilt.added, rebuilt.targets, rebuilt.faults) == ([backup.name], ["TovPlay"], {})
    again = Backup.objects.get()
    assert {name: getattr(again, name) for name in KEPT} == facts
    assert (again.state, again.level) == ("succeeded", Level.STORED)
    target = again.target
    assert (target.database, target.is_identified, target.is_active) == (facts["database"], True, False)
    assert target.credentials.count() == 0
    assert BackupCopy.objects.get(backup=again).read_back_at is not None


def test_what_came_back_can_be_proved(backup: Backup, shelf: Destination, world: ConnInfo) -> None:
    forget()
    catalogue.rebuild(shelf, actor=TOVGOV)
    Target.objects.update(host=world.host, port=world.port, sslmode="disable")
    give_role(Target.objects.get(), world)
    assert verified(Backup.objects.get()).reached == Level.PROVED


def test_done_twice_it_changes_nothing(backup: Backup, shelf: Destination) -> None:
    rebuilt = catalogue.rebuild(shelf, actor=TOVGOV)
    assert (rebuilt.known, rebuilt.added, rebuilt.copies) == ([backup.name], [], [])
    assert (Backup.objects.count(), BackupCopy.objects.count(), Target.objects.count()) == (1, 1, 1)


def test_another_destination_only_adds_its_copy(backup: Backup, shelf: Destination, tmp_path: Path) -> None:
    other = folder(tmp_path / "other", "other")
    (tmp_path / "other").rmdir()
    (tmp_path / "copies").rename(tmp_path / "other")
    rebuilt = catalogue.rebuild(other, actor=TOVGOV)
    assert (rebuilt.added, rebuilt.copies) == ([], [f"{backup.name} in other"])
    assert Backup.objects.get().copies.count() == 2


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("manifest.json", "signature"),
        ("manifest.json.sig", "signature"),
        ("globals.json", "altered"),
        ("dump", "altered"),
    ],
)
def test_what_is_damaged_is_reported_and_stops_nothing(
    target: Target, shelf: Destination, tmp_path: Path, file: str, says: str
) -> None:
    bad, good = back_up(target), back_up(target)
    path = next(
        path
        for path in (tmp_path / "copies").rglob("*")
        if path.parent.name == bad.name and (path.name == file or (file == "dump" and ".dump." in path.name))
    )
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    forget()
    rebuilt = catalogue.rebuild(shelf, actor=TOVGOV)
    assert rebuilt.added == [good.name]
    assert len(rebuilt.faults) == 1
    assert says in next(iter(rebuilt.faults.values()))
    assert Backup.objects.count() == 1


def test_a_missing_archive_is_reported(backup: Backup, shelf: Destination, tmp_path: Path) -> None:
    next((tmp_path / "copies").rglob("*.dump.zst.age")).unlink()
    forget()
    rebuilt = catalogue.rebuild(shelf, actor=TOVGOV)
    assert rebuilt.added == []
    assert "missing" in next(iter(rebuilt.faults.values()))


def test_without_any_key_nothing_is_believed(backup: Backup, shelf: Destination, keys: Path) -> None:
    (keys / "signing-key.pem").unlink()
    with pytest.raises(KeyMissing):
        catalogue.rebuild(shelf, actor=TOVGOV)


def test_a_destination_that_is_not_there_is_no_empty_catalogue(shelf: Destination, tmp_path: Path) -> None:
    (tmp_path / "copies").rmdir()
    with pytest.raises(DestinationUnreachable):
        catalogue.rebuild(shelf, actor=TOVGOV)


def test_a_target_of_the_same_name_on_another_server_is_another_target(
    backup: Backup, shelf: Destination, target: Target
) -> None:
    Backup.objects.all().delete()
    Target.objects.update(system_identifier="1", database="Other", pinned_database="Other")
    rebuilt = catalogue.rebuild(shelf, actor=TOVGOV)
    assert rebuilt.targets == [backup.name[:80]]
    assert Backup.objects.get().target != target


def test_who_may_not_may_not(shelf: Destination, cast: Cast) -> None:
    with pytest.raises(NotPermitted):
        catalogue.rebuild(shelf, actor=cast.actor("alice"))


def test_it_is_written_to_the_ledger(backup: Backup, shelf: Destination) -> None:
    catalogue.rebuild(shelf, actor=TOVGOV)
    entry = LedgerEntry.objects.get(action="catalogue.rebuild")
    assert entry.detail["known"] == [backup.name]


def test_manifests_vouch_for_the_ledger(target: Target) -> None:
    backup = back_up(target)
    number = backup.manifest["ledger_number"]
    assert registry.anchors() == {number: LedgerEntry.objects.get(number=number).hash}
    assert ledger.verify(anchors=registry.anchors()).is_sound
    assert not ledger.verify(anchors={number: "0" * 64}).is_sound


def test_the_listing_shows_the_newest_first(target: Target) -> None:
    first, second = back_up(target), back_up(target)
    assert [line["backup"] for line in catalogue.listing()] == [second.pk, first.pk]
    line = catalogue.listing(target.name)[0]
    assert (line["copies"], line["level"], line["target"]) == ("1 of 1", "Stored", "TovPlay")
    assert catalogue.listing("nothing") == []
