"""``manage.py incidents``: from the opening to the end, as a person and a script use it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management import call_command

from audit.models import Incident
from tests import factories
from tests.audit.test_reviews_command import run
from tests.cast import Cast
from tests.factories import ago

pytestmark = pytest.mark.django_db


def lossy() -> Incident:
    row: Incident = factories.IncidentFactory(kind="data loss", began_at=ago(hours=3))
    factories.BackupFactory(target=row.target, proved=True, queued_at=ago(hours=4))
    return row


def test_from_the_opening_to_the_end(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    target = factories.TargetFactory(name="Club")
    words = ("--target", "Club", "--severity", "critical", "--began", "2026-06-01T02:10:00", "--as", "alice")
    opened = run(capsys, "incidents", "open", "Users are gone", *words)
    number = opened["number"]
    row = Incident.objects.get(number=number)
    assert (row.target, row.began_at) == (target, datetime(2026, 6, 1, 2, 10, tzinfo=UTC))
    run(capsys, "incidents", "investigate", number, "--as", "alice")
    run(capsys, "incidents", "note", number, "The phone rang.", "--at", "2026-06-01T02:11:00+00:00", "--as", "alice")
    told = run(capsys, "incidents", "timeline", f"INC-{number}", "--assemble", "--as", "alice")
    assert told["lines"][0]["text"] == "The phone rang."
    run(capsys, "incidents", "mitigate", number, "--as", "alice")
    resolved = run(capsys, "incidents", "resolve", number, "--note", "A drill.", "--as", "alice")
    assert (resolved["status"], resolved["next"]) == ("resolved", ["review", "close", "reopen"])
    run(capsys, "incidents", "reopen", number, "--note", "No drill.", "--as", "alice")
    run(capsys, "incidents", "close", number, "--note", "Over.", "--as", "bob")
    assert run(capsys, "incidents", "list", "--open") == []
    shown = run(capsys, "incidents", "show", number)
    assert (shown["closed_by"], shown["lead_name"], shown["target"]) == ("bob", "alice", "Club")


def test_a_proof_is_suggested_linked_and_refused(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    row = lossy()
    number = row.number
    proof = {"holds": True, "tables": [{"schema": "public", "name": "User", "found_rows": 23}]}
    restore = factories.RestoreFactory(backup=row.target.backups.get(), done=True, queued_at=ago(hours=1), proof=proof)
    refused = run(capsys, "incidents", "resolve", number, "--note", "Fine.", "--as", "alice", status=3)
    assert refused["error"]["code"] == "incident.unproved"
    assert [one["record"] for one in run(capsys, "incidents", "prove", number)] == [f"restore-{restore.pk}"]
    other = factories.RestoreFactory(done=True)
    refused = run(capsys, "incidents", "prove", number, f"restore-{other.pk}", "--as", "alice", status=3)
    assert refused["error"]["code"] == "incident.proof_of_another"
    proved = run(capsys, "incidents", "prove", number, f"restore-{restore.pk}", "--as", "alice")
    assert (proved["proof_id"], proved["goals"]) == (restore.pk, {"RTO": "no goal", "RPO": "no goal"})


@pytest.mark.django_db(transaction=True)
def test_the_loss_is_computed_in_this_process(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    row = lossy()
    type(row.target).objects.update(is_active=False)
    told = run(capsys, "incidents", "loss", row.number, "--as", "alice")
    assert (told["job"]["state"], told["lost_rows"]) == ("succeeded", None)
    assert len(told["losses"]) > 5


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        (("show", "77"), 2, "incident.unknown"),
        (("open", " ", "--as", "alice"), 2, "incident.invalid"),
        (("open", "Gone", "--began", "yesterday", "--as", "alice"), 2, "timeline.moment"),
        (("open", "Gone", "--as", "charlie"), 3, "actor.not_permitted"),
        (("loss", "12", "--as", "alice"), 2, "incident.no_beginning"),
        (("prove", "12", "restore-x", "--as", "alice"), 2, "incident.proof_unknown"),
        (("note", "12", " ", "--as", "alice"), 2, "timeline.note"),
        (("note", "12", "Later.", "--at", "2999-01-01", "--as", "alice"), 2, "timeline.note"),
        (("investigate", "12"), 2, "actor.unknown"),
    ],
)
def test_what_does_not_fit_has_a_code_and_a_status(
    cast: Cast, capsys: pytest.CaptureFixture[str], words: tuple[Any, ...], status: int, code: str
) -> None:
    factories.IncidentFactory(number=12)
    assert run(capsys, "incidents", *words, status=status)["error"]["code"] == code


def test_a_person_reads_it_without_json(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    row = factories.IncidentFactory(number=12, title="Users \x1b[31mgone", began_at=ago(hours=3))
    factories.DeleteAuditTransactionFactory(target=row.target, at=ago(hours=2), row_count=182)
    for words in (("list",), ("show", "12"), ("timeline", "12", "--assemble", "--as", "alice")):
        call_command("incidents", *words)
    said = capsys.readouterr().out
    assert "rows lost: not computed" in said
    assert "182 rows were deleted" in said
    assert "\x1b[31m" not in said
