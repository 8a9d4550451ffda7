"""backup, verify, catalogue and jobs on the command line: what they say, and the status they end with."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from django.core.management import call_command
from django.db import connections

from audit.exceptions import ExitStatus
from audit.models import LedgerEntry, Target
from audit.postgres.connect import ConnInfo
from backups.models import Backup, Verification
from tests.backups.house import back_up, our_sessions
from tests.cast import Cast
from tests.factories import BackupFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def alice(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOVGOV_USER", "alice")


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of a command."""
    status = 0
    try:
        call_command(*words)
    except SystemExit as end:
        status = int(end.code or 0)
    out = capsys.readouterr()
    return status, out.out, out.err


def test_a_backup_runs_here_and_tells_its_phases(target: Target, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "backup", "TovPlay", "--reason", "before the release")
    assert status == ExitStatus.OK
    assert "4 tables, 907 rows" in out
    assert "1 of 1 copies" in out
    assert "Dump and hash" in err
    backup = Backup.objects.get()
    assert (backup.asked_name, backup.reason) == ("alice", "before the release")
    assert backup.asked_via.startswith("cli ")


def test_json_is_all_that_stands_on_stdout(target: Target, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "backup", "TovPlay", "--prove", "--json")
    assert status == ExitStatus.OK
    facts = json.loads(out)
    assert (facts["level"], facts["rows"], facts["copies"]) == ("Proved", 907, "1 of 1")
    assert err == "" or "INFO" in err


def test_a_queued_backup_is_left_to_the_workers(target: Target, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "backup", "TovPlay", "--queue")
    assert status == ExitStatus.OK
    assert "queued" in out
    assert Backup.objects.get().state == "queued"


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["backup", "nothing"], ExitStatus.USAGE, "target.unknown: There is no target"),
        (["backup", "TovPlay", "--to", "nowhere"], ExitStatus.USAGE, "destination.unknown"),
        (["verify", "999"], ExitStatus.USAGE, "backup.unknown"),
        (["verify", "latest:TovPlay"], ExitStatus.USAGE, "backup.unknown"),
        (["catalogue", "rebuild", "nowhere"], ExitStatus.USAGE, "destination.unknown"),
        (["catalogue", "rebuild", "folder"], ExitStatus.REFUSED, "actor.not_permitted"),
        (["backup", "TovPlay", "--as", "charlie"], ExitStatus.REFUSED, "actor.not_permitted"),
        (["backup", "TovPlay", "--as", "nobody"], ExitStatus.USAGE, "actor.unknown"),
        (["jobs", "show", "backup-999"], ExitStatus.USAGE, "job.unknown"),
    ],
)
def test_a_refusal_has_a_status_a_code_and_a_hint(
    target: Target, capsys: pytest.CaptureFixture[str], words: list[str], status: int, says: str
) -> None:
    ended, out, err = run(capsys, *words)
    assert ended == status
    assert says in err
    assert out == ""
    assert Backup.objects.count() == 0


def test_a_second_backup_is_refused_with_the_name_of_who_was_first(
    target: Target, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "backup", "TovPlay", "--queue")
    status, _, err = run(capsys, "backup", "TovPlay")
    assert status == ExitStatus.REFUSED
    assert "backup.already_running" in err
    assert "alice started it" in err


def test_a_server_that_is_gone_ends_with_status_4(target: Target, capsys: pytest.CaptureFixture[str]) -> None:
    Target.objects.update(port=1)
    status, _, err = run(capsys, "backup", "TovPlay")
    assert status == ExitStatus.INFRASTRUCTURE
    assert "target.unreachable" in err
    backup = Backup.objects.get()
    assert (backup.state, backup.attempt) == ("failed", 2)


def test_verify_ends_with_status_5_for_a_damaged_copy(
    target: Target, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backup = back_up(target)
    assert run(capsys, "verify", str(backup.pk), "--level", "readable")[0] == ExitStatus.OK
    path = next((tmp_path / "copies").rglob("*.age"))
    path.write_bytes(path.read_bytes()[:-1])
    status, _, err = run(capsys, "verify", "latest:TovPlay", "--level", "stored")
    assert status == ExitStatus.PROOF_FAILED
    assert "copy.damaged" in err


def test_verify_shows_each_table_as_json(target: Target, capsys: pytest.CaptureFixture[str]) -> None:
    backup = back_up(target)
    status, out, _ = run(capsys, "verify", backup.name, "--copy", "folder", "--json")
    assert status == ExitStatus.OK
    facts = json.loads(out)
    assert facts["reached"] == "Proved"
    assert len(facts["result"]["tables"]) == 4
    assert Verification.objects.get().copy == backup.copies.get()


def test_the_self_test_damages_nothing_that_is_stored(target: Target, capsys: pytest.CaptureFixture[str]) -> None:
    backup = back_up(target)
    status, out, _ = run(capsys, "verify", str(backup.pk), "--self-test", "--json")
    assert status == ExitStatus.OK
    assert json.loads(out)["missed"] == []
    assert run(capsys, "verify", str(backup.pk), "--level", "stored")[0] == ExitStatus.OK


def test_the_catalogue_lists_and_rebuilds(
    target: Target, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOVGOV_USER", "miriam")
    backup = back_up(target)
    assert backup.name in run(capsys, "catalogue", "list")[1]
    Backup.objects.all().delete()
    status, out, _ = run(capsys, "catalogue", "rebuild", "folder", "--json")
    assert (status, json.loads(out)["added"]) == (ExitStatus.OK, [backup.name])
    next((tmp_path / "copies").rglob("manifest.json")).write_text("{}")
    status, out, _ = run(capsys, "catalogue", "rebuild", "folder")
    assert status == ExitStatus.PROOF_FAILED
    assert "1 not usable" in out


def test_jobs_are_listed_shown_and_cancelled(target: Target, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "backup", "TovPlay", "--queue")
    name = f"backup-{Backup.objects.get().pk}"
    BackupFactory(failed=True, target__name="Other")
    assert [job["job"] for job in json.loads(run(capsys, "jobs", "list", "--open", "--json")[1])] == [name]
    assert "target.connection_lost" in run(capsys, "jobs", "list", "--json")[1]
    assert run(capsys, "jobs", "cancel", name, "--reason", "wrong hour")[0] == ExitStatus.OK
    assert json.loads(run(capsys, "jobs", "show", name, "--json")[1])["state"] == "cancelled"
    assert run(capsys, "jobs", "cancel", name)[0] == ExitStatus.REFUSED
    assert LedgerEntry.objects.get(action="backup.cancel").reason == "wrong hour"


def test_ctrl_c_cancels_the_job_that_runs_here(
    target: Target, world: ConnInfo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """SIGINT in mid-dump: status 6, and nothing is left behind."""
    blocker = _Blocker(world)
    blocker.start()
    try:
        interrupter = threading.Thread(target=_interrupt_in_mid_snapshot)
        interrupter.start()
        status, _, err = run(capsys, "backup", "TovPlay")
        interrupter.join()
    finally:
        blocker.end()
    assert status == ExitStatus.CANCELLED
    assert "Cancelling" in err
    backup = Backup.objects.get()
    assert backup.state == "cancelled"
    assert backup.finished_at - backup.cancel_requested_at < timedelta(seconds=20)
    assert list((tmp_path / "copies").iterdir()) == []
    assert list((tmp_path / "spool").iterdir()) == []
    assert our_sessions(world) == 0


def _interrupt_in_mid_snapshot() -> None:
    """Press Ctrl-C when the backup waits for the table that is held."""
    while not Backup.objects.filter(phase="Snapshot").exists():
        time.sleep(0.05)
    connections.close_all()
    time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGINT)


class _Blocker(threading.Thread):
    """Holds a table so that a dump must wait."""

    def __init__(self, info: ConnInfo) -> None:
        super().__init__()
        self.info, self.over = info, threading.Event()

    def run(self) -> None:
        with psycopg.connect(**self.info.keywords()) as connection:  # type: ignore[arg-type]
            connection.execute('LOCK TABLE "Player One" IN ACCESS EXCLUSIVE MODE')
            self.over.wait(60)

    def end(self) -> None:
        self.over.set()
        self.join()
