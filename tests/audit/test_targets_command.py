"""``manage.py targets`` and ``groups``: what a person types, what they get, and where passwords never appear."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command

from audit import ledger, targets
from audit.exceptions import ExitStatus
from audit.models import Credential, Environment, Purpose, SentinelTable, Target
from audit.postgres.connect import ConnInfo
from tests.audit.servers import register
from tests.cast import Cast
from tests.conftest import MakeDatabase
from tests.conftest import run as run_sql
from tovgov.embedded import Cluster

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def miriam_acts(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOVGOV_USER", "miriam")


@pytest.fixture
def info(cluster: Cluster, make_database: MakeDatabase) -> ConnInfo:
    return make_database(cluster)


@pytest.fixture
def target(info: ConnInfo) -> Target:
    return register(info, name="TovPlay staging")


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any, str]:
    """Exit status, the JSON on stdout, and stderr of ``targets …``."""
    status = 0
    try:
        call_command("targets", *words, "--json")
    except SystemExit as end:
        status = int(end.code or 0)
    out = capsys.readouterr()
    return status, json.loads(out.out.split("\n}\n{")[0] + ("\n}" if "\n}\n{" in out.out else "")), out.err


def add(info: ConnInfo, *more: str) -> list[str]:
    words = ["add", "Club", "--environment", "staging", "--host", info.host, "--port", str(info.port)]
    return [*words, "--database", info.database, "--role", info.user, *more]


def test_add_registers_with_the_password_from_stdin(
    info: ConnInfo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_sql(info, "CREATE TABLE games (id int)", "INSERT INTO games VALUES (1)")
    monkeypatch.setattr(sys, "stdin", io.StringIO(info.password + "\n"))
    status, facts, _ = call(capsys, *add(info, "--password-stdin", "--sentinel", "public.games:1"))
    assert (status, facts["database"], facts["environment"]) == (ExitStatus.OK, info.database, "staging")
    assert info.password not in json.dumps(facts)
    assert Credential.objects.get().password == info.password
    assert SentinelTable.objects.get().least_rows == 1
    assert ledger.verify().is_sound


def test_the_password_may_come_from_a_variable(
    info: ConnInfo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLUB_PASSWORD", info.password)
    assert call(capsys, *add(info, "--password-env", "CLUB_PASSWORD"))[0] == ExitStatus.OK


def test_the_password_is_asked_for_on_a_terminal(
    info: ConnInfo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("getpass.getpass", lambda prompt: asked.append(prompt) or info.password)
    assert call(capsys, *add(info))[0] == ExitStatus.OK
    assert asked == [f"Password of {info.user}: "]


@pytest.mark.parametrize("way", [[], ["--password-stdin"], ["--password-env", "NOT_SET"]])
def test_without_a_password_nothing_is_tried(
    info: ConnInfo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, way: list[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    status, found, _ = call(capsys, *add(info, *way))
    assert (status, found["error"]["code"]) == (ExitStatus.USAGE, "password.missing")


def test_there_is_no_way_to_give_a_password_as_an_argument(info: ConnInfo) -> None:
    with pytest.raises(CommandError):
        call_command("targets", *add(info, "--password", "swordfish"))


def test_a_wrong_name_ends_with_status_3_and_the_right_name(
    cluster: Cluster, make_database: MakeDatabase, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    info = make_database(cluster, "TovPlay").to("tovplay")
    monkeypatch.setenv("CLUB_PASSWORD", info.password)
    status, _, err = call(capsys, *add(info, "--password-env", "CLUB_PASSWORD"))
    assert status == ExitStatus.REFUSED
    assert 'There is no database named "tovplay". The server has "TovPlay": names are exact.' in err
    assert not Target.objects.exists()


def test_a_server_that_does_not_answer_ends_with_status_4(info: ConnInfo, capsys: pytest.CaptureFixture[str]) -> None:
    words = add(info, "--no-password")
    words[words.index("--port") + 1] = "1"
    assert call(capsys, *words)[0] == ExitStatus.INFRASTRUCTURE


def test_list_shows_facts_and_no_secret(target: Target, info: ConnInfo, capsys: pytest.CaptureFixture[str]) -> None:
    _, [row], _ = call(capsys, "list")
    assert (row["name"], row["database_oid"]) == (target.name, target.database_oid)
    call_command("targets", "list")
    shown = capsys.readouterr().out
    assert "TovPlay staging" in shown
    assert info.password not in shown + json.dumps(row)


def test_confirm_all_and_one(target: Target, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "confirm")[:2] == (ExitStatus.OK, {target.name: None})
    Target.objects.update(database_oid=1)
    status, found, err = call(capsys, "confirm", target.name)
    assert (status, found[target.name]["code"]) == (ExitStatus.REFUSED, "target.wrong_incarnation")
    assert "target.wrong_incarnation" in err


def test_identify_needs_a_reason_and_pins(target: Target, capsys: pytest.CaptureFixture[str]) -> None:
    Target.objects.update(database_oid=1)
    with pytest.raises(CommandError):
        call_command("targets", "identify", target.name)
    status, facts, _ = call(capsys, "identify", target.name, "--reason", "restored by hand")
    assert (status, facts["database_oid"]) == (ExitStatus.OK, target.database_oid)


def test_credential_stores_a_role(target: Target, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("swordfish\n"))
    status, done, err = call(capsys, "credential", target.name, "watch", "--role", "watcher", "--password-stdin")
    assert (status, done["user"]) == (ExitStatus.OK, "watcher")
    assert "swordfish" not in json.dumps(done) + err
    assert targets.conninfo(target, Purpose.WATCH).password == "swordfish"


def test_change_and_its_guards(target: Target, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "change", target.name, "--environment", "production")[0] == ExitStatus.OK
    assert call(capsys, "change", target.name, "--active", "no", "--notes", "asleep")[1]["is_active"] is False
    status, found, _ = call(capsys, "change", target.name, "--environment", "scratch", "--reason", "retired")
    assert (status, found["error"]["code"]) == (ExitStatus.REFUSED, "approval.missing")
    words = ("change", target.name, "--environment", "scratch", "--ask", "--reason", "retired")
    assert call(capsys, *words)[1]["approval"]
    target.refresh_from_db()
    assert target.environment == Environment.PRODUCTION


def test_its_goals_are_set_and_no_goal_of_nothing(target: Target, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        call(capsys, "change", target.name, "--rpo-goal-minutes", "60", "--rto-goal-minutes", "30")[0] == ExitStatus.OK
    )
    target.refresh_from_db()
    assert (target.rpo_goal_minutes, target.rto_goal_minutes) == (60, 30)
    status, found, _ = call(capsys, "change", target.name, "--rpo-goal-minutes", "0")
    assert (status, found["error"]["code"]) == (ExitStatus.USAGE, "target.invalid")


def test_sentinel_reads_schema_table_and_rows(target: Target, capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, "sentinel", target.name, "public.User:20")
    assert str(target.sentinels.get()) == "public.User ≥ 20"
    with pytest.raises(CommandError, match=r"not schema\.table:rows"):
        call_command("targets", "sentinel", target.name, "User")


def test_an_unknown_target_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "identify", "nobody", "--reason", "x")[0] == ExitStatus.USAGE


def test_who_may_not_ends_with_status_3(
    target: Target, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOVGOV_USER", "charlie")
    assert call(capsys, "change", target.name, "--notes", "mine")[0] == ExitStatus.REFUSED
    assert call(capsys, "rotate-keys")[0] == ExitStatus.REFUSED


def test_rotate_keys_with_a_new_key(target: Target, capsys: pytest.CaptureFixture[str], settings: Any) -> None:
    _, made, _ = call(capsys, "new-key")
    settings.TOVGOV_SECRET_KEYS = [made["key"], *settings.TOVGOV_SECRET_KEYS]
    status, counts, _ = call(capsys, "rotate-keys")
    assert (status, counts["audit.Credential.password"]) == (ExitStatus.OK, 1)
    settings.TOVGOV_SECRET_KEYS = [made["key"]]
    assert targets.conninfo(target, Purpose.BACKUP).password
    assert ledger.verify().is_sound


def test_groups_are_made_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    Group.objects.all().delete()
    call_command("groups")
    assert set(Group.objects.values_list("name", flat=True)) == {"manager", "staff", "auditor", "approver"}
    said = capsys.readouterr().out
    auditor = next(line for line in said.splitlines() if line.startswith("auditor"))
    assert "export_ledger" in auditor
    assert "keep_action" not in auditor
