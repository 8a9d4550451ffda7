"""What a pack holds, that it repeats, who may have it, and what stands in its way."""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from audit import jobs, tasks
from audit.actors import Actor
from audit.evidence import ask, verify
from audit.exceptions import (
    EvidenceTargetGone,
    KeyMissing,
    NoSuchPack,
    NotPermitted,
    PackDamaged,
    PackPeriodInvalid,
    PackUnreadable,
    ScopeInvalid,
)
from audit.models import EvidencePack, ImportSource, LedgerEntry, Target
from audit.reports import known
from audit.seals import checkpoints
from tests import factories
from tests.audit.evidence.conftest import END, START, Make, built, file_of, sessions_of
from tests.audit.seals.conftest import as_owner, execute
from tests.factories import ago

pytestmark = pytest.mark.django_db(transaction=True)


def lines(row: EvidencePack, name: str) -> list[dict[str, Any]]:
    with zipfile.ZipFile(file_of(row)) as pack:
        return [json.loads(line) for line in pack.read(name).splitlines()]


def member(row: EvidencePack, name: str) -> bytes:
    with zipfile.ZipFile(file_of(row)) as pack:
        return pack.read(name)


# --- what is in it ----------------------------------------------------------------------------------------------------


def test_a_pack_is_whole_and_its_verifier_accepts_it(make: Make, club: Target) -> None:
    row = make(club, reason="The audit of the autumn.")
    assert (row.state, row.error, row.faults) == ("succeeded", "", [])
    verdict = verify.verify(str(file_of(row)), row.signer)
    assert (verdict.faults, verdict.is_anchored, verdict.signer) == ([], True, row.signer)
    assert row.records > 10
    assert row.files > 20
    assert any("6 entries, leaves 0 to 5 of 6" in sentence for sentence in row.said)


def test_any_zip_tool_reads_it(make: Make, club: Target) -> None:
    path = file_of(make(club))
    with zipfile.ZipFile(path) as pack:
        assert pack.testzip() is None
    answer = subprocess.run(["unzip", "-t", str(path)], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout[-500:]


def test_it_holds_the_records_of_its_targets(make: Make, club: Target) -> None:
    factories.IncidentFactory()
    row = make(club)
    (incident,) = lines(row, "records/incidents.jsonl")
    assert incident["losses"][0]["lost"] == 182
    assert incident["timeline"][0]["text"] == "Found by Dana."
    (alert,) = lines(row, "records/alerts.jsonl")
    assert alert["evidence"][0]["line"].startswith("182 rows")
    assert lines(row, "records/approvals.jsonl")[0]["asked_name"] == "alice"
    assert lines(row, "records/targets.jsonl")[0]["name"] == club.name
    (name,) = [one for one in names(row) if one.startswith("sealed/") and "deletions" in one and "entries" in one]
    assert lines(row, name)[0]["table_name"] == "GameRequest"


def names(row: EvidencePack) -> list[str]:
    with zipfile.ZipFile(file_of(row)) as pack:
        return pack.namelist()


def test_it_holds_the_reports_of_its_period_and_targets(make: Make, club: Target) -> None:
    other = factories.TargetFactory(name="Somebody else")
    factories.IncidentFactory(target=other, title="Nobody's business")
    row = make(club)
    page = member(row, "reports/incidents.csv").decode()
    assert "# Time zone: UTC" in page
    assert f"# Targets: {club.name}" in page
    assert "Users deleted at night by a script" in page
    assert "Nobody's business" not in "".join(
        member(row, name).decode(errors="replace") for name in names(row) if name.startswith("reports/")
    )
    assert {f"reports/{name}.csv" for name in known.every()} <= set(names(row))
    assert make(club, parts=["ledger"]).faults == []


def test_it_holds_what_was_learned(make: Make, club: Target) -> None:
    incident = club.incidents.get()
    incident.action_items.create(title="Take DELETE from the script", owner=None)
    row = make(club)
    assert [one["title"] for one in lines(row, "records/action-items.jsonl")] == ["Take DELETE from the script"]
    assert lines(row, "records/post-mortems.jsonl") == []


def test_what_is_out_of_the_period_is_not_in_it(make: Make, club: Target) -> None:
    sessions_of(club, 3, at=ago(days=40))
    sessions_of(club, 2)
    row = make(club)
    (name,) = [one for one in names(row) if "samples/entries" in one]
    assert len(lines(row, name)) == 8
    assert any("leaves 0 to 5, 9 to 10 of 11" in one and "3 between them are of other times" in one for one in row.said)


def test_entries_of_another_target_in_the_ledger_show_their_hashes_alone(make: Make, club: Target) -> None:
    make(factories.TargetFactory(name="Somebody else"))
    other = factories.TargetFactory(name="A secret customer")
    from audit import ledger

    ledger.append("target.test", actor=Actor.system("tests"), target=other, words="Ssst")
    row = make(club)
    text = member(row, "ledger/entries.jsonl").decode()
    assert "Ssst" not in text
    assert "A secret customer" not in text
    assert [one for one in lines(row, "ledger/entries.jsonl") if len(one) == 3]
    assert row.faults == []


def test_it_opens_with_people_s_words_as_words(make: Make, club: Target) -> None:
    page = member(make(club, reason="<script>alert(1)</script> | **bold**"), "README.md").decode()
    assert "<script>" not in page.replace("\\<script\\>", "")
    assert "\\*\\*bold\\*\\*" in page


def test_a_part_that_was_left_out_is_said(make: Make, club: Target) -> None:
    row = make(club, parts=["records"])
    assert not [name for name in names(row) if name.startswith(("sealed/", "ledger/", "backups/"))]
    assert len([gap for gap in row.gaps if "Left out of the pack" in gap]) == 4
    assert row.faults == []


def test_an_empty_period_makes_a_pack_that_says_so(make: Make, club: Target) -> None:
    row = make(club, start=ago(days=400), end=ago(days=399))
    assert (row.state, row.faults) == ("succeeded", [])
    assert any("Nothing of this kind was recorded" in gap for gap in row.gaps)


def test_a_paused_target_has_its_pack_and_that_is_said(make: Make, club: Target) -> None:
    Target.objects.filter(pk=club.pk).update(is_active=False)
    row = make(club)
    assert row.state == "succeeded"
    assert any("is not active" in gap for gap in row.gaps)


# --- the same inputs, the same bytes ----------------------------------------------------------------------------------


def test_the_same_inputs_make_the_same_bytes(make: Make, club: Target) -> None:
    row = make(club)
    first = file_of(row).read_bytes()
    again = EvidencePack.objects.get(pk=row.pk)
    again.pk, again.uuid, again.state, again.path, again.claim = None, __import__("uuid").uuid4(), "queued", "", None
    again.started_at = again.finished_at = None
    again.save(force_insert=True)
    assert file_of(built(again)).read_bytes() == first


def test_another_input_makes_other_bytes(make: Make, club: Target) -> None:
    assert make(club).sha256 != make(club, reason="Another").sha256


# --- what is altered in tovgov's own database -------------------------------------------------------------------------


def test_an_entry_that_its_owner_altered_is_named(make: Make, club: Target) -> None:
    execute("UPDATE audit_connectionauditlog SET role = 'nobody' WHERE leaf = 3")
    row = make(club)
    assert row.state == "succeeded"
    assert any("leaf 3 was altered" in fault for fault in row.faults)


def test_a_ledger_entry_that_its_owner_altered_is_named(make: Make, club: Target) -> None:
    make(club)
    number = LedgerEntry.objects.filter(target="").earliest("number").number
    as_owner("audit_ledgerentry", f"UPDATE audit_ledgerentry SET actor = 'nobody' WHERE number = {number}")
    row = make(club)
    assert any(f"entry {number} was altered" in fault for fault in row.faults)


def test_checkpoints_that_grew_are_followed(make: Make, club: Target) -> None:
    source = ImportSource.objects.get(target=club, kind="samples")
    for _ in range(3):
        assert checkpoints.make(source.seal_tree)
        sessions_of(club, 5)
        source.refresh_from_db()
    row = make(club)
    assert row.faults == []
    (name,) = [one for one in names(row) if "samples/checkpoints" in one]
    assert [one["size"] for one in lines(row, name)] == [6, 11, 16, 21]


# --- who may, and what stands in the way ------------------------------------------------------------------------------


def test_a_manager_and_an_auditor_may(make: Make, club: Target, manager: Actor, auditor: Actor) -> None:
    for actor in (manager, auditor):
        with ask.download(make(club, actor=actor), actor=actor).file as file:
            assert file.read(4) == b"PK\3\4"


def test_staff_may_not_ask(make: Make, club: Target, asker: Actor) -> None:
    with pytest.raises(NotPermitted):
        make(club, actor=asker)
    assert not EvidencePack.objects.exists()


def test_staff_may_not_download(make: Make, club: Target, asker: Actor) -> None:
    with pytest.raises(NotPermitted):
        ask.download(make(club), actor=asker)


def test_asking_and_downloading_stand_in_the_ledger(make: Make, club: Target, auditor: Actor) -> None:
    row = make(club)
    ask.download(row, actor=auditor).file.close()
    asked = LedgerEntry.objects.get(action="evidence.request")
    assert (asked.actor, asked.detail["targets"]) == ("miriam", [club.name])
    written = LedgerEntry.objects.get(action="evidence.written")
    assert written.detail["sha256"] == row.sha256
    fetched = LedgerEntry.objects.get(action="evidence.download")
    assert (fetched.actor, fetched.detail["sha256"]) == ("charlie", row.sha256)


def test_a_period_that_ends_before_it_begins_is_refused(make: Make, club: Target) -> None:
    with pytest.raises(PackPeriodInvalid):
        make(club, start=END, end=START)


def test_a_period_without_length_is_refused(make: Make, club: Target) -> None:
    with pytest.raises(PackPeriodInvalid):
        make(club, start=START, end=START)


def test_a_period_of_the_future_is_refused(make: Make, club: Target) -> None:
    with pytest.raises(PackPeriodInvalid):
        make(club, start=ago(days=-1), end=ago(days=-2))


def test_a_pack_without_a_target_is_refused(make: Make) -> None:
    with pytest.raises(ScopeInvalid):
        make()


def test_a_pack_of_nothing_is_refused(make: Make, club: Target) -> None:
    with pytest.raises(ScopeInvalid):
        make(club, parts=["nonsense"])


def test_a_target_that_was_removed_meanwhile_is_named(make: Make, club: Target, manager: Actor, folder: Path) -> None:
    gone = factories.TargetFactory(name="Gone")
    row = ask.ask(START, END, [club, gone], actor=manager)
    gone.delete()
    tasks.run_evidence(row.pk)
    row.refresh_from_db()
    assert (row.state, row.error_code) == ("failed", EvidenceTargetGone.code)
    assert "Gone" in row.error
    assert list(folder.iterdir()) == []


def test_without_a_signing_key_nothing_is_asked_for(make: Make, club: Target, keys: Path) -> None:
    (keys / "signing-key.pem").unlink()
    with pytest.raises(KeyMissing):
        make(club)
    assert not EvidencePack.objects.exists()


def test_a_key_that_was_lost_meanwhile_fails_the_job(club: Target, manager: Actor, keys: Path, folder: Path) -> None:
    row = ask.ask(START, END, [club], actor=manager)
    (keys / "signing-key.pem").unlink()
    assert built(row).error_code == KeyMissing.code
    assert list(folder.iterdir()) == []


# --- its life ---------------------------------------------------------------------------------------------------------


def test_a_cancelled_pack_leaves_nothing(club: Target, manager: Actor, folder: Path, monkeypatch: Any) -> None:
    row = ask.ask(START, END, [club], actor=manager)
    monkeypatch.setattr("audit.evidence.members.EVERY", 1)
    real = jobs.Progress.advance

    def cancelled(progress: Any, count: int) -> None:
        real(progress, count)
        from audit.exceptions import JobCancelled

        progress.end(JobCancelled("Cancelled by miriam."))

    monkeypatch.setattr(jobs.Progress, "advance", cancelled)
    assert built(row).state == "cancelled"
    assert list(folder.iterdir()) == []


def test_what_a_dead_worker_left_is_removed(club: Target, manager: Actor, folder: Path) -> None:
    row = ask.ask(START, END, [club], actor=manager)
    folder.mkdir(parents=True)
    (folder / f"{row.uuid}.members").mkdir()
    (folder / f"{row.uuid}.members" / "000000").write_bytes(b"half")
    (folder / f"{row.uuid}.part").write_bytes(b"half")
    (folder / f"{row.uuid}.zip").write_bytes(b"whole, but no row names it")
    ask.after_death(row)
    assert list(folder.iterdir()) == []


def test_an_altered_file_is_not_handed_out(make: Make, club: Target, manager: Actor) -> None:
    row = make(club)
    with file_of(row).open("ab") as file:
        file.write(b"x")
    with pytest.raises(PackDamaged):
        ask.download(row, actor=manager)


def test_a_pack_expires(make: Make, club: Target, manager: Actor, folder: Path) -> None:
    row = make(club)
    assert ask.expire() == 0
    EvidencePack.objects.update(expires_at=ago(minutes=1))
    assert ask.expire() == 1
    assert list(folder.iterdir()) == []
    row.refresh_from_db()
    with pytest.raises(NoSuchPack):
        ask.download(row, actor=manager)
    assert LedgerEntry.objects.filter(action="evidence.expire").count() == 1


def test_what_is_no_pack_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "notes.zip").write_bytes(b"nothing of the kind")
    with pytest.raises(PackUnreadable):
        ask.verify_file(tmp_path / "notes.zip")
