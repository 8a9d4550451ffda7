"""Lessons: kept, found by their words, changed by one at a time, retired with a reason."""

from __future__ import annotations

import pytest
from django.db import connection

from audit import lessons
from audit.actors import Actor
from audit.exceptions import (
    FilterInvalid,
    LessonChanged,
    LessonInvalid,
    LessonNotRetired,
    LessonRetired,
    NoSuchLesson,
    NotPermitted,
    ReasonMissing,
)
from audit.exports import request as exports
from audit.lists import keyset
from audit.lists.lessons import LESSONS
from audit.models import IncidentKind, LedgerEntry, Lesson
from tests import factories

pytestmark = pytest.mark.django_db


def kept(actor: Actor, problem: str = "The sync script deleted every booking.", **more: object) -> Lesson:
    return lessons.add(problem, more.pop("solution", "It runs with a role that may not delete."), actor=actor, **more)  # type: ignore[arg-type]


def found(query: str) -> list[Lesson]:
    return keyset.page(LESSONS, LESSONS.read(query)).rows


def test_of_an_incident_it_takes_kind_and_target(asker: Actor) -> None:
    incident = factories.IncidentFactory(kind="sync")
    row = kept(asker, incident=incident, tags=["Sync", "sync", " roles "])
    assert (row.kind, row.target, row.incident, row.tags) == ("sync", incident.target, incident, ["roles", "sync"])
    entry = LedgerEntry.objects.get(action="lesson.add")
    assert (entry.actor, entry.target) == ("alice", incident.target.name)


@pytest.mark.parametrize(("problem", "solution"), [("", "Mend it."), ("It broke.", ""), (" \n", "Mend it.")])
def test_it_needs_problem_and_solution(asker: Actor, problem: str, solution: str) -> None:
    with pytest.raises(LessonInvalid):
        lessons.add(problem, solution, actor=asker)


@pytest.mark.parametrize("tags", [["x" * 41], [f"tag{n}" for n in range(21)]])
def test_tags_have_their_bounds(asker: Actor, tags: list[str]) -> None:
    with pytest.raises(LessonInvalid, match="tags"):
        kept(asker, tags=tags)


def test_a_kind_that_is_none_is_refused(asker: Actor) -> None:
    with pytest.raises(LessonInvalid, match="no kind"):
        kept(asker, kind="earthquake")


def test_an_auditor_changes_nothing(asker: Actor, auditor: Actor) -> None:
    row = kept(asker)
    for step in (
        lambda: kept(auditor),
        lambda: lessons.change(row, version=1, actor=auditor, cause="Nobody knows."),
        lambda: lessons.retire(row, actor=auditor, reason="Old."),
        lambda: lessons.restore(row, actor=auditor, reason="New."),
    ):
        with pytest.raises(NotPermitted):
            step()


def test_two_editors_at_once_lose_nothing(asker: Actor, manager: Actor) -> None:
    row = kept(asker)
    same = Lesson.objects.get(pk=row.pk)
    lessons.change(row, version=1, actor=asker, cause="It ran with the owner's role.")
    with pytest.raises(LessonChanged):
        lessons.change(same, version=1, actor=manager, cause="The wrong variable was set.")
    lessons.change(same, version=2, actor=manager, cause="The wrong variable was set.")
    before = LedgerEntry.objects.filter(action="lesson.change").latest("number").detail["before"]
    assert before == {"cause": "It ran with the owner's role."}
    row.refresh_from_db()
    assert (row.version, row.changed_by, row.problem) == (3, "miriam", "The sync script deleted every booking.")


def test_what_stays_the_same_is_no_change(asker: Actor) -> None:
    row = kept(asker, tags=["sync"])
    lessons.change(row, version=1, actor=asker, tags=["SYNC "], cause="  ")
    assert (row.version, row.changed_by) == (1, "")


def test_it_is_retired_with_a_reason_and_comes_back_with_one(asker: Actor) -> None:
    row = kept(asker)
    with pytest.raises(ReasonMissing):
        lessons.retire(row, actor=asker, reason="")
    with pytest.raises(LessonNotRetired):
        lessons.restore(row, actor=asker, reason="It holds.")
    lessons.retire(row, actor=asker, reason="The script is gone.")
    assert (row.is_retired, row.retired_by, row.retired_why) == (True, "alice", "The script is gone.")
    with pytest.raises(LessonRetired):
        lessons.change(row, version=row.version, actor=asker, cause="Another.")
    with pytest.raises(LessonRetired):
        lessons.retire(row, actor=asker, reason="Again.")
    lessons.restore(row, actor=asker, reason="The script is back.")
    assert (row.is_retired, row.retired_why) == (False, "")


@pytest.mark.parametrize("name", ["", "x", "-1", "9" * 30, "424242"])
def test_what_is_no_number_is_none(name: str) -> None:
    with pytest.raises(NoSuchLesson):
        lessons.find(name)


# --- the list ---------------------------------------------------------------------------------------------------------


def test_it_is_found_by_its_words_in_any_form(asker: Actor) -> None:
    row = kept(asker, cause="Nobody had tested the migration.", tags=["nightly"])
    kept(asker, "The disk was full.", solution="An alert at 80 %.")
    for words in ("deletes", "deleted booking", "bookings", '"every booking"', "nightly", "testing -disk"):
        assert found(f"q={words}") == [row], words
    assert found("q=earthquake") == []


def test_words_of_other_languages_are_found_too(asker: Actor) -> None:
    row = kept(asker, "הסקריפט מחק את כל ההזמנות", solution="Die Prüfung läuft jetzt vor dem Löschen.")
    assert found("q=ההזמנות") == [row]
    assert found("q=Löschen") == [row]


def test_the_list_is_narrowed_by_kind_tag_target_and_incident(asker: Actor) -> None:
    incident = factories.IncidentFactory(kind="sync")
    row, other = kept(asker, incident=incident, tags=["roles"]), kept(asker, kind=IncidentKind.BACKUP, tags=["disk"])
    for query in ("kind=sync", "tag=Roles", f"target={incident.target_id}", f"incident=INC-{incident.number}"):
        assert found(query) == [row], query
    assert found("kind=failed+backup") == [other]
    assert found("from=2001-01-01") == [other, row]
    assert found("to=2001-01-01") == []


@pytest.mark.parametrize("query", ["kind=earthquake", "incident=x", "state=new", "from=yesterday"])
def test_an_answer_that_does_not_fit_is_refused(query: str) -> None:
    with pytest.raises(FilterInvalid):
        found(query)


def test_retired_ones_are_hidden_until_somebody_asks(asker: Actor) -> None:
    row, old = kept(asker), kept(asker, "The floppy was full.")
    lessons.retire(old, actor=asker, reason="No floppies any more.")
    assert found("") == [row]
    assert found("state=retired") == [old]
    assert found("state=all") == [old, row]


def test_the_search_has_an_index(asker: Actor) -> None:
    kept(asker)
    rows = LESSONS.rows(LESSONS.read("q=booking"))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert "lessons_words" in rows.order_by().explain()


def test_an_auditor_exports_them(asker: Actor, auditor: Actor) -> None:
    kept(asker, "=cmd|' /C calc'!A0", tags=["sync"])
    made = exports.direct(LESSONS, "tag=sync", "csv", actor=auditor)
    with made.file as file:
        text = file.read().decode()
    assert made.rows == 1
    assert "'=cmd" in text
    assert LedgerEntry.objects.get(action="export.direct").detail["page"] == "audit_lesson"


def test_an_approver_exports_nothing(approver: Actor) -> None:
    with pytest.raises(NotPermitted):
        exports.direct(LESSONS, "", "csv", actor=approver)
