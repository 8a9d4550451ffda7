"""Undeletes as people ask for them and workers run them: permission, approval, cancel, death, ledger, command."""

from __future__ import annotations

import json
import threading
from io import StringIO

import psycopg
import pytest
from django.core.management import call_command
from django.utils import timezone

from audit import approvals, jobs, ledger
from audit.actors import Actor
from audit.exceptions import (
    ApprovalMissing,
    DryRunMissing,
    ExitStatus,
    NothingToUndelete,
    NotPermitted,
    ReasonMissing,
    UndeleteRunning,
)
from audit.models import Environment, LedgerEntry, Target, Undelete
from audit.undelete import perform, request
from tests.audit.undelete.conftest import MakePlace, Place
from tests.audit.undelete.steps import WHY, dry, put_back, rows, run
from tests.cast import Cast
from tests.waiting import wait_until
from tovgov.embedded import Cluster

pytestmark = pytest.mark.django_db(transaction=True)

TOWN = """
CREATE SCHEMA town;
CREATE TABLE town.house (id int PRIMARY KEY, street text);
CREATE TABLE town.pet (name text);
INSERT INTO town.house SELECT i, 'Olive ' || i FROM generate_series(1, 20) i;
INSERT INTO town.pet VALUES ('Rex'), ('Rex');
"""
COUNT = "SELECT count(*) FROM town.house"


@pytest.fixture
def town(cluster: Cluster, place: MakePlace) -> Place:
    return place(cluster, TOWN)


# --- who may, and after what -----------------------------------------------------------------------------------------


def test_who_may_not_is_refused(town: Place, auditor: Actor, approver: Actor) -> None:
    lost = town.delete("DELETE FROM town.house")
    target, wanted = request.wish([lost[0].pk])
    for actor in (auditor, approver):
        for act in (request.dry_run, request.request, request.ask_approval):
            with pytest.raises(NotPermitted):
                act(target, wanted, actor=actor, reason=WHY)


def test_rows_are_put_back_only_after_a_dry_run_of_exactly_this(town: Place, asker: Actor) -> None:
    lost = town.delete("DELETE FROM town.house")
    target, wanted = request.wish([lost[0].pk])
    with pytest.raises(DryRunMissing):
        request.request(target, wanted, actor=asker, reason=WHY)
    dry(lost, asker, on_conflict="skip")
    with pytest.raises(DryRunMissing):
        request.request(target, wanted, actor=asker, reason=WHY)
    done = dry(lost, asker)
    Undelete.objects.filter(pk=done.pk).update(finished_at=timezone.now() - timezone.timedelta(hours=25))
    with pytest.raises(DryRunMissing):
        request.request(target, wanted, actor=asker, reason=WHY)


def test_putting_back_needs_a_reason(town: Place, asker: Actor) -> None:
    lost = town.delete("DELETE FROM town.house")
    dry(lost, asker)
    target, wanted = request.wish([lost[0].pk])
    with pytest.raises(ReasonMissing):
        request.request(target, wanted, actor=asker, reason=" ")


def test_production_needs_a_second_person_for_exactly_these_rows(town: Place, asker: Actor, approver: Actor) -> None:
    Target.objects.update(environment=Environment.PRODUCTION)
    lost = town.delete("DELETE FROM town.house")
    dry(lost, asker)
    target, wanted = request.wish([lost[0].pk])
    with pytest.raises(ApprovalMissing):
        request.request(target, wanted, actor=asker, reason=WHY)
    approval = request.ask_approval(target, wanted, actor=asker, reason=WHY)
    assert approval.detail["tables"][0]["put"] == 20
    approvals.approve(approval, actor=approver)
    one = request.wish(rows=[lost[0].deleted_rows.first().pk])[1]
    run(request.dry_run(target, one, actor=asker))
    with pytest.raises(ApprovalMissing):
        request.request(target, one, actor=asker, reason=WHY)
    done = run(request.request(target, wanted, actor=asker, reason=WHY))
    assert (done.state, done.approval) == ("succeeded", approval)
    assert rows(town.info, COUNT) == [(20,)]
    with pytest.raises(ApprovalMissing):  # it is used up
        request.request(target, wanted, actor=asker, reason=WHY)


def test_two_at_once_are_refused(town: Place, asker: Actor) -> None:
    lost = town.delete("DELETE FROM town.house")
    dry(lost, asker)
    target, wanted = request.wish([lost[0].pk])
    request.request(target, wanted, actor=asker, reason=WHY)
    with pytest.raises(UndeleteRunning):
        request.request(target, wanted, actor=asker, reason=WHY)


def test_what_nobody_deleted_is_refused(town: Place, db: None) -> None:
    lost = town.delete("DELETE FROM town.pet")
    for transactions, chosen in (([], []), ([999_999], []), ([], [999_999])):
        with pytest.raises(NothingToUndelete):
            request.wish(transactions, chosen)
    with pytest.raises(NothingToUndelete, match="no terms"):
        request.wish([lost[0].pk], accept=["everything"])


def test_a_row_of_another_transaction_is_refused(town: Place, db: None) -> None:
    first, second = town.delete("DELETE FROM town.pet"), town.delete("DELETE FROM town.house")
    with pytest.raises(NothingToUndelete, match="another transaction"):
        request.wish([first[0].pk], [second[0].deleted_rows.first().pk])


# --- what stays ------------------------------------------------------------------------------------------------------


def test_the_ledger_has_the_rows_hashes_and_the_count_is_kept(town: Place, asker: Actor) -> None:
    (lost,) = town.delete("DELETE FROM town.house WHERE id <= 5", "DELETE FROM town.pet")
    done = put_back([lost], asker)
    entry = LedgerEntry.objects.get(action="undelete.proved")
    assert entry.detail["put"] == 7
    assert {table["table"]: len(table["sha256"]) for table in entry.detail["tables"]} == {
        "town.house": 64,
        "town.pet": 64,
    }
    assert entry.detail["target_transaction"] == done.target_transaction
    lost.refresh_from_db()
    assert lost.undeleted == 7
    assert ledger.verify().is_sound


def test_a_lock_that_somebody_holds_is_not_waited_for_long(
    town: Place, asker: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audit.undelete.engine.LOCK_TIMEOUT", "200ms")
    lost = town.delete("DELETE FROM town.house")
    target, wanted = request.wish([lost[0].pk])
    with psycopg.connect(**town.info.keywords()) as other:  # type: ignore[arg-type]
        other.execute("LOCK TABLE town.house")
        done = run(request.dry_run(target, wanted, actor=asker))
    assert (done.state, done.error_code) == ("failed", "target.lock_timeout")


def test_a_cancel_before_the_commit_leaves_nothing(town: Place, asker: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = town.delete("DELETE FROM town.house")
    dry(lost, asker)
    target, wanted = request.wish([lost[0].pk])
    undelete = request.request(target, wanted, actor=asker, reason=WHY)
    with psycopg.connect(**town.info.keywords()) as other:  # type: ignore[arg-type]
        other.execute("INSERT INTO town.house VALUES (20, 'Elsewhere')")  # a row with our key: the insert waits for it
        worker = threading.Thread(target=run, args=(undelete,))
        worker.start()
        _wait_until_it_waits(town)
        jobs.cancel(Undelete.objects.get(pk=undelete.pk), actor=asker)
        worker.join(60)
        other.rollback()
    undelete.refresh_from_db()
    assert undelete.state == "cancelled"
    assert rows(town.info, COUNT) == [(0,)]


def _wait_until_it_waits(town: Place) -> None:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    wait_until(lambda: rows(town.info, waiting) != [(0,)])


class Killed(BaseException):
    """What a SIGKILL leaves behind, without killing the tests."""


def _die_at(undelete: Undelete, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def die(*args: object, **options: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(perform, name, die)
        with pytest.raises(Killed):
            run(undelete)
    undelete.refresh_from_db()


def test_a_worker_that_died_before_the_commit_left_nothing_and_the_next_run_knows(
    town: Place, asker: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = town.delete("DELETE FROM town.pet")
    dry(lost, asker)
    target, wanted = request.wish([lost[0].pk])
    undelete = request.request(target, wanted, actor=asker, reason=WHY)
    monkeypatch.setattr("audit.progress.Progress.conclude", _raise_killed)
    with pytest.raises(Killed):
        run(undelete)
    monkeypatch.undo()
    undelete.refresh_from_db()
    assert undelete.target_transaction is not None
    perform.settle(undelete)
    undelete.refresh_from_db()
    assert undelete.outcome == "rolled back"
    assert rows(town.info, "SELECT count(*) FROM town.pet") == [(0,)]


def _raise_killed(progress: object) -> None:
    raise Killed


def test_a_worker_that_died_after_the_commit_is_found_out_and_counted_once(
    town: Place, asker: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    (lost,) = town.delete("DELETE FROM town.pet", "DELETE FROM town.house")
    dry([lost], asker)
    target, wanted = request.wish([lost.pk])
    undelete = request.request(target, wanted, actor=asker, reason=WHY)
    _die_at(undelete, monkeypatch, "book")
    assert (undelete.state, undelete.outcome) == ("failed", "")
    lost.refresh_from_db()
    assert lost.undeleted == 0
    again = dry([lost], asker, on_conflict="skip")  # the next one asks the target first
    undelete.refresh_from_db()
    lost.refresh_from_db()
    assert (undelete.outcome, lost.undeleted) == ("committed", 22)
    assert (again.plan["put"], again.plan["there"]) == (0, 22)
    perform.settle(undelete)
    lost.refresh_from_db()
    assert lost.undeleted == 22


# --- the command -----------------------------------------------------------------------------------------------------


def command(*words: str) -> dict:
    out = StringIO()
    call_command("undelete", *words, "--json", "--as", "alice", stdout=out, stderr=StringIO())
    return json.loads(out.getvalue())


def test_the_command_shows_and_then_puts_back(town: Place, cast: Cast) -> None:
    (lost,) = town.delete("DELETE FROM town.house")
    shown = command(str(lost.pk), "--dry-run")
    assert shown["plan"]["tables"][0]["statement"].startswith("WITH put AS (")
    done = command(str(lost.pk), "--reason", WHY)
    assert (done["state"], done["outcome"], done["plan"]["put"]) == ("succeeded", "committed", 20)
    assert rows(town.info, COUNT) == [(20,)]


def test_the_command_tells_a_person_what_stands_in_the_way(town: Place, cast: Cast) -> None:
    (lost,) = town.delete("DELETE FROM town.house WHERE id = 3")
    town.run("INSERT INTO town.house VALUES (3, 'Fig 3')")
    out, err = StringIO(), StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("undelete", str(lost.pk), "--dry-run", "--as", "alice", stdout=out, stderr=err)
    assert ended.value.code == ExitStatus.REFUSED
    assert 'street "Olive 3", now "Fig 3"' in out.getvalue()
    assert "undelete.refused" in err.getvalue()


def test_the_command_asks_for_the_approval(town: Place, cast: Cast) -> None:
    Target.objects.update(environment=Environment.PRODUCTION)
    (lost,) = town.delete("DELETE FROM town.house")
    command(str(lost.pk), "--dry-run")
    assert command(str(lost.pk), "--reason", WHY, "--ask")["approval"]
