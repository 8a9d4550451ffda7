"""What resembles an incident: by kind, target, causes and words, and never without a reason."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from audit import lessons
from audit.actors import Actor
from audit.lessons import Likeness, resembling
from audit.lessons.resembling import EVERYDAY, STATEMENTS
from audit.models import Incident, Lesson, Target
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def target() -> Target:
    found: Target = factories.TargetFactory()
    return found


def incident(title: str = "Something", **more: object) -> Incident:
    row: Incident = factories.IncidentFactory(title=title, **more)
    return row


def rows(found: list[Likeness]) -> list[object]:
    return [one.found for one in found]


def test_the_same_kind_on_the_same_target(target: Target) -> None:
    former = incident("It was emptied", target=target, kind="data loss")
    incident("Somewhere else", kind="data loss")
    incident("Something else", target=target, kind="sync")
    new = incident("Rows are missing", target=target, kind="data loss")
    (one,) = resembling(new)
    assert one.found == former
    assert one.reasons == ("the same kind, data loss", "the same target")


def test_only_former_ones_and_never_itself(target: Target) -> None:
    first = incident(target=target, kind="sync")
    second = incident(target=target, kind="sync")
    assert rows(resembling(second)) == [first]
    assert resembling(first) == []


def test_the_same_cause_and_a_word(target: Target) -> None:
    former = incident("The deployment emptied bookings", causes=["deployment", "unknown"], kind="other")
    incident("Another deployment", causes=["unknown"], kind="other")
    new = incident("Bookings vanished", causes=["deployment", "unknown"], root_causes="A deployment again.")
    (one,) = resembling(new)
    assert one.found == former
    assert one.reasons == (
        "the same cause, “a release or a migration”", "the words deployment, bookings",
    )  # fmt: skip


def test_words_alone_when_there_are_enough_in_any_form() -> None:
    former = incident("The nightly sync script deleted members", reason="It ran twice.", kind="other")
    incident("The nightly report", kind="other")
    new = incident("Nightly syncing deletes: member rows gone", summary="The script was started by hand.")
    (one,) = resembling(new)
    assert one.found == former
    assert one.reasons == ("the words deletes, nightly, syncing, member, script",)


def test_one_likeness_alone_is_not_enough(target: Target) -> None:
    incident("Bookings", target=target, kind="other")
    incident("Rows", kind="sync")
    incident("Bookings were gone", kind="other")
    assert resembling(incident("Bookings", target=target, kind="sync")) == []


def test_a_word_that_nearly_all_share_says_nothing() -> None:
    for number in range(9):
        incident(f"Nightly sync script members alert{number}", kind="other")
    new = incident("Nightly sync script members", kind="other")
    assert resembling(new) == []


def test_the_likest_comes_first_and_no_more_than_asked(target: Target) -> None:
    near = incident("The sync deleted bookings", target=target, kind="sync")
    far = [incident("Else", target=target, kind="sync") for _ in range(4)]
    new = incident("A sync that deletes bookings", target=target, kind="sync")
    assert rows(resembling(new, 3)) == [near, far[3], far[2]]


def test_lessons_are_found_beside_incidents(target: Target, asker: Actor) -> None:
    here = lessons.add("The sync emptied bookings.", "Give it no DELETE.", target=target, kind="sync", actor=asker)
    words = lessons.add("A nightly script empties bookings twice", "Lock it.", actor=asker)
    lessons.add("The disk was full.", "Watch it.", actor=asker)
    new = incident("A nightly script emptied bookings", target=target, kind="sync", reason="It ran twice")
    found = {one.found: one for one in resembling(new)}
    assert set(found) == {here, words}
    assert found[here].reasons[:2] == ("the same kind, sync", "the same target")
    assert found[words].reasons == ("the words bookings, emptied, nightly, script, twice",)
    assert found[here].is_lesson


def test_neither_retired_lessons_nor_its_own(target: Target, asker: Actor) -> None:
    new = incident("The sync emptied bookings", target=target, kind="sync")
    old = lessons.add("The sync emptied bookings.", "No DELETE.", target=target, kind="sync", actor=asker)
    lessons.retire(old, actor=asker, reason="The script is gone.")
    lessons.add("The sync emptied bookings.", "No DELETE.", incident=new, actor=asker)
    assert resembling(new) == []


@pytest.mark.parametrize("text", ["", "'; DROP TABLE x; --", "a & b | !c:*", "\\ ' '' \\' <-> (", "x" * 255])
def test_any_words_are_only_words(text: str, target: Target) -> None:
    former = incident(text, target=target, kind="sync", reason=text * 50)
    assert rows(resembling(incident(text, target=target, kind="sync", reason=text))) == [former]


def test_an_incident_without_a_target_is_like_those_of_its_words() -> None:
    former = incident("Login guesses against the reporting role", target=None, kind="unauthorised access")
    new = incident("Guesses against reporting", target=None, kind="unauthorised access")
    (one,) = resembling(new)
    assert one.found == former
    assert one.reasons == ("the same kind, unauthorised access", "the words reporting, guesses")


TELLING = "caravan plumber ticket harbour ledger voucher lantern orchard saddle trumpet"


def test_an_old_one_is_found_among_thousands() -> None:
    """Each newer one shares a word; the old one shares all. So does an old lesson."""
    words = TELLING.split()
    old = incident(f"About {TELLING}", kind="other", target=None, number=1)
    taught = Lesson.objects.create(problem=f"About {TELLING}", solution="Wait.", made_by="alice")
    Incident.objects.bulk_create(
        Incident(number=n + 2, title=f"Number {n} of {words[n % 10]}", opened_by="alice") for n in range(3_000)
    )
    Lesson.objects.bulk_create(
        Lesson(problem=f"Number {n} of {words[n % 10]}", solution="Wait.", made_by="alice") for n in range(3_000)
    )
    new = incident("Again", kind="other", target=None, reason=TELLING, number=4_000)
    assert rows(resembling(new, 3)) == [old, taught]


def test_a_word_of_every_day_says_nothing() -> None:
    Incident.objects.bulk_create(
        Incident(number=5_000 + n, title="Nightly sync script members", opened_by="alice") for n in range(EVERYDAY + 1)
    )
    Incident.objects.bulk_create(
        Incident(number=9_000 + n, title="Trumpet" if n % 2 else "Lantern", opened_by="alice") for n in range(600)
    )
    assert resembling(incident("Nightly sync script members, trumpet and lantern", kind="other")) == []


def test_thousands_are_searched_by_the_index() -> None:
    """No text is taken apart again: both words' indexes are in the plan of what is really asked."""
    Incident.objects.bulk_create(
        Incident(number=n + 1, title=f"Number {n} of some", opened_by="alice") for n in range(2_000)
    )
    Lesson.objects.bulk_create(Lesson(problem=f"Number {n}", solution="Wait.", made_by="alice") for n in range(2_000))
    new = incident("Number 7 of lanterns", number=4_000)
    plans: list[str] = []

    def explain(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql in STATEMENTS.values():
            execute(f"EXPLAIN {sql}", params, many, context)
            plans.extend(line for (line,) in context["cursor"].fetchall())
        return execute(sql, params, many, context)

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE audit_incident, audit_lesson")
    with connection.execute_wrapper(explain):
        resembling(new)
    for index in ("incidents_words", "lessons_words"):
        assert any(f"Bitmap Index Scan on {index}" in line for line in plans), plans
