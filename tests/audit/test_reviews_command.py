"""``manage.py reviews`` and ``exports``: the verbs from the command line."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command

from audit.models import DeleteAuditTransaction, Incident
from tests import factories
from tests.cast import Cast

pytestmark = pytest.mark.django_db


def run(capsys: pytest.CaptureFixture[str], *words: Any, status: int = 0) -> Any:
    """What a command prints as JSON."""
    ended = 0
    try:
        call_command(*map(str, words), "--json")
    except SystemExit as end:
        ended = int(end.code or 0)
    assert ended == status
    return json.loads(capsys.readouterr().out)


def test_the_queue_and_the_steps(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    target = factories.TargetFactory(name="Club")
    rows = [factories.DeleteAuditTransactionFactory(target=target, session_role=f"role{n}") for n in range(3)]
    queue = run(capsys, "reviews", "queue")
    assert (queue[0]["target"], queue[0]["unreviewed"], queue[0]["suspicious"]) == ("Club", 3, 0)
    assert run(capsys, "reviews", "take", rows[0].pk, "--as", "alice")["changed"] == 1
    told = run(capsys, "reviews", "accept", "--where", "role=role1", "--note", "Fine.", "--as", "alice")
    assert told == {"changed": 1, "left_out": 0, "incident": None}
    words = ("--note", "Nobody ran it.", "--title", "At night", "--as", "alice")
    number = run(capsys, "reviews", "suspect", rows[2].pk, *words)["incident"]
    refused = run(capsys, "reviews", "close", rows[2].pk, "--note", "Done.", "--as", "alice", status=3)
    assert refused["error"]["code"] == "review.same_person"
    run(capsys, "reviews", "close", rows[2].pk, "--note", "Done.", "--as", "bob")
    shown = run(capsys, "reviews", "show", rows[2].pk)
    assert (shown["state"], [step["act"] for step in shown["history"]]) == ("closed", ["suspect", "close"])
    run(capsys, "incidents", "close", number, "--note", "Over.", "--as", "bob")
    assert not Incident.objects.get().is_open
    assert run(capsys, "reviews", "assign", rows[0].pk, "--to", "bob", "--as", "alice")["changed"] == 1
    assert DeleteAuditTransaction.objects.get(pk=rows[0].pk).assignee_name == "bob"


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        (("accept", "424242"), 2, "review.unknown"),
        (("accept", "--where", "from=yesterday"), 2, "list.filter_invalid"),
        (("suspect", "--where", "", "--note", "x", "--incident", "99"), 2, "incident.unknown"),
        (("reopen", "--where", ""), 2, "actor.reason_missing"),
    ],
)
def test_what_does_not_fit_is_refused(
    words: tuple[str, ...], status: int, code: str, cast: Cast, capsys: pytest.CaptureFixture[str]
) -> None:
    factories.DeleteAuditTransactionFactory()
    assert run(capsys, "reviews", *words, "--as", "alice", status=status)["error"]["code"] == code


@pytest.mark.django_db(transaction=True)
def test_an_export_is_made_fetched_and_listed(
    cast: Cast, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "TOVGOV_EXPORTS", tmp_path / "exports")
    factories.DeleteAuditLogFactory()
    file = tmp_path / "rows.csv"
    made = run(capsys, "exports", "make", "deleteauditlog", "--where", "q=dana", "--to", file, "--as", "alice")
    assert (made["state"], made["rows"]) == ("succeeded", 1)
    assert hashlib.sha256(file.read_bytes()).hexdigest() == made["sha256"]
    again = run(capsys, "exports", "fetch", made["id"], "--to", file, "--as", "alice", status=4)
    assert again["error"]["code"] == "export.folder_unusable", "what is there is never written over"
    assert run(capsys, "exports", "list")[0]["has_file"]
    assert run(capsys, "exports", "fetch", 4711, "--to", file, "--as", "alice", status=2)
    assert run(capsys, "exports", "expire") == {"removed": 0}
