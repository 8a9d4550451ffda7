"""``manage.py ledger`` and what every command shares: the actor, JSON, sentences and exit statuses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection

from audit import ledger
from audit.actors import Actor
from audit.exceptions import ExitStatus, UnknownActor
from audit.management.base import TovgovCommand

pytestmark = pytest.mark.django_db
ALICE = Actor.system("test")


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of a command."""
    status = 0
    try:
        call_command(*words)
    except SystemExit as end:
        status = int(end.code or 0)
    out = capsys.readouterr()
    return status, out.out, out.err


def alter_entry(number: int) -> None:
    """What a thief with the database owner's rights would do."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_ledgerentry DISABLE TRIGGER USER")
        cursor.execute("UPDATE audit_ledgerentry SET actor = 'nobody' WHERE number = %s", [number])
        cursor.execute("ALTER TABLE audit_ledgerentry ENABLE TRIGGER USER")


def test_verify_says_sound_in_words_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    ledger.append("target.pin", actor=ALICE)
    status, out, _ = run(capsys, "ledger", "verify")
    assert status == ExitStatus.OK
    assert "The ledger is sound: 1 entries" in out
    _, out, _ = run(capsys, "ledger", "verify", "--json")
    assert json.loads(out)["is_sound"] is True


def test_verify_ends_with_status_5_and_names_the_altered_entry(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        ledger.append("target.pin", actor=ALICE)
    alter_entry(2)
    status, out, err = run(capsys, "ledger", "verify", "--json")
    assert status == ExitStatus.PROOF_FAILED
    assert "ledger.broken: Entry 2 was altered." in err
    assert json.loads(out)["error"]["detail"]["faults"] == ["Entry 2 was altered."]


def test_list_filters_and_shows_signs_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    ledger.append("target.pin", actor=ALICE, reason='[bold]a "b" 😀[/bold]')
    ledger.append("backup.request", actor=ALICE)
    _, out, _ = run(capsys, "ledger", "list", "--action", "target.pin")
    assert '[bold]a "b" 😀[/bold]' in out
    assert "backup.request" not in out
    _, out, _ = run(capsys, "ledger", "list", "--json", "--limit", "1")
    assert [entry["action"] for entry in json.loads(out)] == ["backup.request"]


def test_a_word_too_many_is_a_usage_error() -> None:
    with pytest.raises(SystemExit) as end:
        TovgovCommand().run_from_argv(["manage.py", "ledger", "--nonsense"])
    assert end.value.code == ExitStatus.USAGE


@pytest.mark.parametrize("given", [{}, {"user": "nobody"}, {"user": "alice"}])
def test_an_act_needs_an_active_person(given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOVGOV_USER", raising=False)
    User.objects.create_user("alice", is_active=False)
    with pytest.raises(UnknownActor):
        TovgovCommand().actor(given)


def test_the_actor_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    User.objects.create_user("alice")
    monkeypatch.setenv("TOVGOV_USER", "alice")
    actor = TovgovCommand().actor({})
    assert actor.name == "alice"
    assert actor.source.startswith("cli ")
