"""What resembles an incident: by kind, target, causes and words, and never without a reason."""

from __future__ import annotations

import pytest
from django.db import connection

from audit import lessons
from audit.actors import Actor
from audit.lessons import Likeness, resembling
from audit.models import Incident, Target
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


def test_the_search_has_an_index() -> None:
    incident("The sync emptied bookings")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "EXPLAIN SELECT id FROM audit_incident WHERE tovgov_incident_words"
            "(title, reason, summary, trigger, root_causes, contributing_factors) @@ 'sync'::tsquery"
        )
        assert any("incidents_words" in line for (line,) in cursor.fetchall())
