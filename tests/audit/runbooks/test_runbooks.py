"""Runbooks: begun on an incident, ticked with a name, never rewritten; and every link of every step leads somewhere."""

from __future__ import annotations

import shlex
from datetime import timedelta

import pytest
from django.core.management import get_commands, load_command_class
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from audit import incidents, registry, runbooks
from audit.actors import Actor
from audit.exceptions import (
    NoSuchRunbook,
    NotPermitted,
    ReasonMissing,
    RunbookOver,
    RunbookStarted,
    StepInvalid,
    StepNotTicked,
    StepTicked,
)
from audit.models import Incident, IncidentKind, LedgerEntry, RunbookStep
from audit.runbooks import checklists
from audit.runbooks.book import Book
from audit.runbooks.books import BOOKS
from tests import factories
from tests.cast import Cast

pytestmark = pytest.mark.django_db

DROPPED = "dropped-database"


@pytest.fixture
def incident() -> Incident:
    row: Incident = factories.IncidentFactory(kind="dropped database")
    return row


def steps(incident: Incident) -> list[RunbookStep]:
    return list(RunbookStep.objects.filter(runbook__incident=incident))


# --- begun ------------------------------------------------------------------------------------------------------------


def test_it_is_begun_with_the_words_of_its_template(incident: Incident, asker: Actor) -> None:
    row = runbooks.begin(incident, DROPPED, actor=asker)
    book = BOOKS[DROPPED]
    assert (row.title, row.intro, row.started_by) == (book.title, book.intro, "alice")
    kept = [(one.title, one.why, one.command, one.door, one.with_whom) for one in row.steps.all()]
    assert kept == [(one.title, one.why, one.command, one.door, one.with_whom) for one in book.steps]
    assert LedgerEntry.objects.get(action="runbook.begin").detail == {"incident": incident.code, "book": DROPPED}


def test_a_template_that_changes_later_does_not_change_it(
    incident: Incident, asker: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = runbooks.begin(incident, DROPPED, actor=asker)
    before = [one.title for one in row.steps.all()]
    old = BOOKS[DROPPED]
    monkeypatch.setitem(BOOKS, DROPPED, Book(old.name, "Another", "", (), (), old.steps[:1]))
    row.refresh_from_db()
    assert row.title == old.title
    assert [one.title for one in row.steps.all()] == before


def test_the_same_twice_is_refused(incident: Incident, asker: Actor) -> None:
    runbooks.begin(incident, DROPPED, actor=asker)
    with pytest.raises(RunbookStarted):
        runbooks.begin(incident, DROPPED, actor=asker)
    assert incident.runbooks.count() == 1


def test_a_name_that_is_none_is_refused(incident: Incident, asker: Actor) -> None:
    with pytest.raises(NoSuchRunbook):
        runbooks.begin(incident, "no-such-book", actor=asker)


def test_an_auditor_begins_and_ticks_nothing(incident: Incident, asker: Actor, auditor: Actor) -> None:
    with pytest.raises(NotPermitted):
        runbooks.begin(incident, DROPPED, actor=auditor)
    step = runbooks.begin(incident, DROPPED, actor=asker).steps.first()
    assert step is not None
    with pytest.raises(NotPermitted):
        runbooks.tick(step, actor=auditor)
    with pytest.raises(NotPermitted):
        runbooks.untick(step, actor=auditor, reason="It is not.")
    with pytest.raises(NotPermitted):
        runbooks.add_step(step.runbook, "Call home", actor=auditor)


def test_a_closed_incident_is_a_record(incident: Incident, asker: Actor) -> None:
    row = runbooks.begin(incident, DROPPED, actor=asker)
    step = row.steps.first()
    assert step is not None
    Incident.objects.filter(pk=incident.pk).update(
        status="closed", closed_at=timezone.now(), closed_by="miriam", proof_at=timezone.now(),
        proof_kind="backups.restore", proof_id=1, proof_line="All rows are back.",
    )  # fmt: skip
    for act in (
        lambda: runbooks.begin(incident, "lost-key", actor=asker),
        lambda: runbooks.tick(step, actor=asker),
        lambda: runbooks.untick(step, actor=asker, reason="No."),
        lambda: runbooks.add_step(row, "Call home", actor=asker),
    ):
        with pytest.raises(RunbookOver):
            act()


@pytest.mark.parametrize("kind", [kind for kind in IncidentKind if kind != IncidentKind.OTHER])
def test_an_incident_that_is_opened_has_the_runbook_of_its_kind(asker: Actor, kind: IncidentKind) -> None:
    row = incidents.open_incident("Something happened", target=None, kind=kind, actor=asker)
    expected = {book.name for book in BOOKS.values() if kind in book.begun_for}
    assert expected
    assert {one.book for one in row.runbooks.all()} == expected
    assert {one.started_by for one in row.runbooks.all()} == {"tovgov"}


def test_an_incident_of_no_kind_begins_none_and_gets_one_when_its_kind_is_known(asker: Actor) -> None:
    row = incidents.open_incident("Something", target=None, actor=asker, fingerprint="night")
    assert not row.runbooks.exists()
    incidents.open_incident("It was dropped", target=None, actor=asker, fingerprint="night", kind=IncidentKind.DROPPED)
    assert [one.book for one in row.runbooks.all()] == [DROPPED]


def test_what_fits_the_kind_is_offered_first_and_what_was_begun_no_more(incident: Incident, asker: Actor) -> None:
    assert [book.name for book in runbooks.offered(incident)][:2] == [DROPPED, "wrong-database"]
    runbooks.begin(incident, DROPPED, actor=asker)
    left = [book.name for book in runbooks.offered(incident)]
    assert left[0] == "wrong-database"
    assert DROPPED not in left
    assert len(left) == len(BOOKS) - 1


# --- ticked -----------------------------------------------------------------------------------------------------------


def test_a_tick_has_a_name_a_moment_and_a_note(incident: Incident, asker: Actor) -> None:
    step = runbooks.begin(incident, DROPPED, actor=asker).steps.all()[2]
    runbooks.tick(step, actor=asker, note="Renamed by nobody.")
    assert (step.done_by, step.note, step.is_done) == ("alice", "Renamed by nobody.", True)
    assert step.done_at is not None
    entry = LedgerEntry.objects.get(action="runbook.tick")
    assert entry.detail == {"incident": incident.code, "book": DROPPED, "step": 3}
    assert (entry.actor, entry.reason) == ("alice", "Renamed by nobody.")


def test_who_comes_second_is_told_who_was_first(incident: Incident, asker: Actor, manager: Actor) -> None:
    step = runbooks.begin(incident, DROPPED, actor=asker).steps.first()
    assert step is not None
    same = RunbookStep.objects.get(pk=step.pk)
    runbooks.tick(step, actor=asker)
    with pytest.raises(StepTicked, match="alice ticked"):
        runbooks.tick(same, actor=manager)
    assert LedgerEntry.objects.filter(action="runbook.tick").count() == 1


def test_a_tick_is_taken_back_with_a_reason_and_stays_on_record(
    incident: Incident, asker: Actor, manager: Actor
) -> None:
    step = runbooks.begin(incident, DROPPED, actor=asker).steps.first()
    assert step is not None
    runbooks.tick(step, actor=asker, note="The job is off.")
    with pytest.raises(ReasonMissing):
        runbooks.untick(step, actor=manager, reason=" ")
    runbooks.untick(step, actor=manager, reason="It runs on the other machine too.")
    assert (step.is_done, step.note, step.undone_by) == (False, "", "miriam")
    assert step.undone_why == "It runs on the other machine too."
    before = LedgerEntry.objects.get(action="runbook.untick").detail["before"]
    assert (before["done_by"], before["note"]) == ("alice", "The job is off.")
    runbooks.tick(step, actor=asker)
    assert step.is_done


def test_what_is_not_ticked_cannot_be_unticked(incident: Incident, asker: Actor) -> None:
    step = runbooks.begin(incident, DROPPED, actor=asker).steps.first()
    assert step is not None
    with pytest.raises(StepNotTicked):
        runbooks.untick(step, actor=asker, reason="No.")


def test_the_database_keeps_no_tick_without_a_person(incident: Incident, asker: Actor) -> None:
    runbooks.begin(incident, DROPPED, actor=asker)
    with pytest.raises(IntegrityError, match="a_ticked_step_has_a_person"), transaction.atomic():
        RunbookStep.objects.update(done_at=timezone.now())


def test_own_steps_come_at_the_end(incident: Incident, asker: Actor) -> None:
    row = runbooks.begin(incident, DROPPED, actor=asker)
    own = runbooks.add_step(row, "Call the club", why="They wait.", with_whom="Dana", actor=asker)
    assert (own.position, own.added_by) == (len(BOOKS[DROPPED].steps) + 1, "alice")
    assert next(reversed(row.steps.all())) == own


@pytest.mark.parametrize("title", ["", "  ", "x" * 256, "two\nlines"])
def test_a_step_without_a_proper_title_is_refused(incident: Incident, asker: Actor, title: str) -> None:
    row = runbooks.begin(incident, DROPPED, actor=asker)
    with pytest.raises(StepInvalid):
        runbooks.add_step(row, title, actor=asker)


# --- templates --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("book", BOOKS.values(), ids=BOOKS)
def test_every_step_of_a_template_is_one_that_can_be_kept(book: Book) -> None:
    assert len(book.steps) >= 5
    assert any(step.door for step in book.steps)
    for step in book.steps:
        assert 0 < len(step.title) <= checklists.LONGEST
        assert step.why
        assert len(step.with_whom) <= 80
        assert not step.door or step.door in registry.doors


@pytest.mark.parametrize("kind", IncidentKind)
def test_a_kind_begins_one_runbook_at_most(kind: IncidentKind) -> None:
    assert sum(kind in book.begun_for for book in BOOKS.values()) == (kind != IncidentKind.OTHER)


COMMANDS = sorted({step.command for book in BOOKS.values() for step in book.steps if "manage.py" in step.command})


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_of_a_step_is_understood(line: str) -> None:
    words = shlex.split(line.replace(":ROWS", ":10"))[1:]
    words = ["7" if word in ("N", "NUMBER", "TRANSACTION") else word for word in words]
    parser = load_command_class(get_commands()[words[0]], words[0]).create_parser("manage.py", words[0])
    parser.parse_args(words[1:])


# --- doors ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def whole() -> Incident:
    """An incident for which every door is open: a target in use, protected, with a proved and a failed backup."""
    from audit.models import Protection

    target = factories.TargetFactory(production=True)
    Protection.objects.create(target=target)
    factories.BackupFactory(target=target, proved=True, queued_at=factories.ago(days=1))
    factories.BackupFactory(target=target, failed=True)
    row: Incident = factories.IncidentFactory(target=target, kind="data loss", began_at=factories.ago(hours=2))
    return row


def may(client: Client, cast: Cast, name: str) -> Client:
    """Signed in as a person who may go through this door."""
    for user in (cast.miriam, cast.alice, cast.bob, cast.charlie):
        if user.has_perm(registry.doors[name].permission):
            client.force_login(user)
            return client
    raise AssertionError(f"nobody in the groups may go through {name}")


@pytest.mark.parametrize("name", sorted(registry.doors))
def test_every_door_leads_to_a_page(client: Client, cast: Cast, whole: Incident, name: str) -> None:
    url = registry.doors[name].way(whole)
    assert url
    answer = may(client, cast, name).get(url)
    assert answer.status_code == 200, f"{url}: {answer.headers.get('Location', '')}"


@pytest.mark.parametrize("name", sorted(registry.doors))
def test_a_door_without_a_target_is_shut_or_leads_somewhere(client: Client, cast: Cast, name: str) -> None:
    bare: Incident = factories.IncidentFactory(target=None)
    door = registry.doors[name]
    url = door.way(bare)
    assert url or door.missing.endswith(".")
    assert not url or may(client, cast, name).get(url).status_code == 200


@pytest.mark.parametrize("name", sorted(registry.doors))
def test_a_door_of_a_bare_target_is_shut_or_leads_somewhere(client: Client, cast: Cast, name: str) -> None:
    bare: Incident = factories.IncidentFactory(target=factories.TargetFactory(fresh=True, is_active=False))
    url = registry.doors[name].way(bare)
    assert not url or may(client, cast, name).get(url).status_code == 200


def test_the_backup_is_the_last_good_one_from_before(whole: Incident) -> None:
    from backups import doors
    from backups.models import Backup

    good = Backup.objects.proved().get()
    later = factories.BackupFactory(target=whole.target, proved=True, queued_at=factories.ago(minutes=20))
    damaged = factories.BackupFactory(target=whole.target, proved=True, damaged=True, queued_at=factories.ago(hours=5))
    assert doors.good(whole) == good
    Backup.objects.filter(pk=good.pk).update(is_held=True, hold_reason="We need it.")
    assert registry.doors["backups.hold"].way(whole).endswith(f"/backup/{good.pk}/change/")
    whole.began_at = timezone.now() + timedelta(minutes=1)
    assert doors.good(whole) == later
    assert doors.good(whole) != damaged
