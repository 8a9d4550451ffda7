"""What backups bring to an evidence pack: manifests as they were signed, and whether they were proved."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from audit import tasks
from audit.actors import Actor
from audit.evidence import ask, verify
from audit.models import EvidencePack, Target
from audit.registry import Checked, EvidenceFile, EvidenceLine
from backups import evidence
from backups.models import Backup, Destination
from tests import factories
from tests.backups.house import back_up, verified
from tests.factories import ago

START, END = ago(days=1), ago(days=-1)


def checked(target: Target) -> dict[str, Checked]:
    return {one.topic: one for one in evidence.of(target, START, END) if isinstance(one, Checked)}


@pytest.fixture
def exports(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings.TOVGOV_EXPORTS = tmp_path / "exports"
    monkeypatch.setattr("audit.jobs.enqueue", lambda *given, **more: None)
    return tmp_path / "exports" / "evidence"


@pytest.mark.django_db(transaction=True)
def test_a_pack_holds_the_manifest_as_it_was_stored(
    target: Target, shelf: Destination, exports: Path, manager: Actor, tmp_path: Path
) -> None:
    backup = back_up(target)
    verified(backup)
    row = ask.ask(START, END, [target], actor=manager)
    tasks.run_evidence(row.pk)
    row.refresh_from_db()
    assert (row.error, row.faults) == ("", [])
    assert "Backups: 1 signed manifests." in row.said
    with zipfile.ZipFile(exports / row.path) as pack:
        data = pack.read(f"backups/{backup.pk:06}/manifest.json")
        (name,) = [one for one in pack.namelist() if one.startswith("records/backups")]
        assert json.loads(pack.read(name).splitlines()[0])["name"] == backup.name
    (stored,) = (tmp_path / "copies").rglob("manifest.json")
    assert data == stored.read_bytes()


@pytest.mark.django_db(transaction=True)
def test_a_manifest_that_was_altered_where_it_lies_is_named_by_the_verifier(
    target: Target, shelf: Destination, exports: Path, manager: Actor, tmp_path: Path
) -> None:
    back_up(target)
    (stored,) = (tmp_path / "copies").rglob("manifest.json")
    stored.chmod(0o600)
    stored.write_bytes(stored.read_bytes().replace(b'"rows": ', b'"rows": 1', 1))
    row = ask.ask(START, END, [target], actor=manager)
    tasks.run_evidence(row.pk)
    row.refresh_from_db()
    assert any("is not signed by a key of this pack" in fault for fault in row.faults)
    assert verify.verify(str(exports / EvidencePack.objects.get().path)).faults == row.faults


@pytest.mark.django_db(transaction=True)
def test_a_destination_that_is_gone_costs_its_manifests_and_that_is_a_gap(target: Target, tmp_path: Path) -> None:
    backup = back_up(target)
    shutil.rmtree(tmp_path / "copies")
    assert not [one for one in evidence.of(target, START, END) if isinstance(one, EvidenceFile)]
    assert any(f"{backup}: its signed manifest is not here" in gap for gap in checked(target)["backup"].gaps)


@pytest.mark.django_db
def test_a_backup_that_was_not_proved_is_an_exception() -> None:
    backup = factories.BackupFactory(made=True)
    found = checked(backup.target)["backup"]
    assert (found.population, found.sample) == (1, 0)
    assert any("it was not proved" in one for one in found.exceptions)


@pytest.mark.django_db
def test_a_target_without_a_backup_is_a_gap() -> None:
    found = checked(factories.TargetFactory())
    assert any("no backup was made in the period" in gap for gap in found["backup"].gaps)
    assert any("no backup was restored and compared" in gap for gap in found["recovery"].gaps)


@pytest.mark.django_db
def test_a_stretch_beyond_the_goal_is_an_exception() -> None:
    target = factories.TargetFactory()
    Target.objects.filter(pk=target.pk).update(rpo_goal_minutes=60)
    target.refresh_from_db()
    found = checked(target)["backup"]
    assert any("no proved backup for 48.0 hours" in one for one in found.exceptions)


@pytest.mark.django_db
def test_a_restore_that_took_too_long_is_an_exception() -> None:
    restore = factories.RestoreFactory(done=True, rto_seconds=7200.0)
    Target.objects.filter(pk=restore.target.pk).update(rto_goal_minutes=30)
    target = Target.objects.get(pk=restore.target.pk)
    assert any("120 minutes, the goal is 30" in one for one in checked(target)["recovery"].exceptions)


@pytest.mark.django_db
def test_records_hold_no_secret_and_no_log() -> None:
    backup = factories.BackupFactory(made=True, log="a long log")
    rows = [one.row for one in evidence.of(backup.target, START, END) if isinstance(one, EvidenceLine)]
    assert rows
    assert not any("log" in row or "claim" in row for row in rows)
    assert Backup.objects.count() == 1
