"""``manage.py schedules`` and ``retention``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from audit.exceptions import ExitStatus
from audit.models import Target
from backups.models import Backup, BackupCopy, RetentionPolicy, Schedule
from tests.backups.house import folder
from tests.cast import Cast
from tests.factories import BackupCopyFactory, BackupFactory, DestinationFactory, TargetFactory, ago

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def miriam_acts(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOVGOV_USER", "miriam")


@pytest.fixture
def target() -> Target:
    return TargetFactory(name="TovPlay staging")


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of a command."""
    status = 0
    try:
        call_command(*words)
    except SystemExit as end:
        status = int(end.code or 0)
    out = capsys.readouterr()
    return status, out.out, out.err


def facts(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    return json.loads(call(capsys, *words, "--json")[1])


# --- schedules ----------------------------------------------------------------------------------------------------


def test_add_and_list(target: Target, capsys: pytest.CaptureFixture[str]) -> None:
    place = DestinationFactory(name="rack 4")
    made = facts(capsys, "schedules", "add", target.name, "6", "--timezone", "Europe/Berlin", "--to", "rack 4")
    assert (made["cron"], made["timezone"], made["destinations"]) == ("0 */6 * * *", "Europe/Berlin", [place.name])
    assert len(made["next_runs"]) == 5
    assert made == facts(capsys, "schedules", "list", "--target", target.name)[0]
    assert facts(capsys, "schedules", "list", "--target", TargetFactory().name) == []
    assert "0 */6 * * *" in call(capsys, "schedules", "list")[1]


def test_replace_and_no_prove(target: Target, capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, "schedules", "add", target.name, "daily")
    call(capsys, "schedules", "add", target.name, "every 6 hours", "--replace", "--no-prove")
    assert [(row.cron, row.prove) for row in Schedule.objects.filter(is_enabled=True)] == [("0 */6 * * *", False)]


def test_disable_and_enable(target: Target, capsys: pytest.CaptureFixture[str]) -> None:
    number = str(facts(capsys, "schedules", "add", target.name, "6")["id"])
    assert facts(capsys, "schedules", "disable", number, "--reason", "holidays")["next_runs"] == []
    assert facts(capsys, "schedules", "enable", number)["is_enabled"] is True
    status, _, err = call(capsys, "schedules", "disable", "4711")
    assert (status, "schedule.unknown" in err) == (ExitStatus.USAGE, True)


def test_nonsense_ends_with_status_2_and_a_hint(target: Target, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = call(capsys, "schedules", "add", target.name, "* 6 * * *")
    assert status == ExitStatus.USAGE
    assert 'Did you mean "0 6 * * *"?' in err


def test_an_auditor_is_refused(
    target: Target, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOVGOV_USER", "charlie")
    assert call(capsys, "schedules", "add", target.name, "6")[0] == ExitStatus.REFUSED
    assert call(capsys, "retention", "set", target.name)[0] == ExitStatus.REFUSED


# --- retention ----------------------------------------------------------------------------------------------------


@pytest.fixture
def history(target: Target, tmp_path: Path) -> list[Backup]:
    """Two proved backups with files, and a policy that keeps one."""
    place = folder(tmp_path / "copies")
    made = [BackupFactory(target=target, proved=True, queued_at=ago(days=days)) for days in (1, 2)]
    for backup in made:
        (tmp_path / "copies" / backup.name).mkdir()
        BackupCopyFactory(backup=backup, destination=place)
    call_command("retention", "set", target.name, "--keep-last", "1", "--keep-daily", "0", "--keep-weekly", "0",
                 "--keep-monthly", "0", verbosity=0)  # fmt: skip
    return made


def test_set_makes_and_changes_a_policy(target: Target, capsys: pytest.CaptureFixture[str]) -> None:
    made = facts(capsys, "retention", "set", target.name, "--keep-daily", "3", "--max-age-days", "90")
    assert (made["keep_daily"], made["max_age_days"], made["is_enabled"]) == (3, 90, True)
    made = facts(capsys, "retention", "set", target.name, "--max-age-days", "none", "--off")
    assert (made["keep_daily"], made["max_age_days"], made["is_enabled"]) == (3, None, False)
    status, _, err = call(capsys, "retention", "set", target.name, "--keep-last", "none")
    assert (status, "keep_last" in err) == (ExitStatus.USAGE, True)


def test_plan_says_what_goes_and_removes_nothing(
    target: Target, history: list[Backup], capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    found = facts(capsys, "retention", "plan", target.name)
    assert [(row["number"], row["keep"]) for row in found] == [(history[0].pk, True), (history[1].pk, False)]
    assert "no rule keeps it" in call(capsys, "retention", "plan")[1]
    assert Backup.objects.usable().count() == 2


def test_apply_removes_and_says_so(target: Target, history: list[Backup], capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert [row["number"] for row in facts(capsys, "retention", "apply", target.name)] == [history[1].pk]
    assert call(capsys, "retention", "apply")[1].strip() == "Nothing goes."


def test_apply_ends_with_status_4_when_a_destination_is_away(
    target: Target, history: list[Backup], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "copies").rename(tmp_path / "away")
    status, _, err = call(capsys, "retention", "apply", target.name)
    assert status == ExitStatus.INFRASTRUCTURE
    assert "Not removed from folder" in err
    assert BackupCopy.objects.filter(state="stored").count() == 2


def test_without_a_policy_there_is_no_plan(target: Target, capsys: pytest.CaptureFixture[str]) -> None:
    assert not RetentionPolicy.objects.exists()
    assert call(capsys, "retention", "plan", target.name)[0] == ExitStatus.REFUSED
    assert facts(capsys, "retention", "plan") == []
