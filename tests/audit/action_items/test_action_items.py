"""Action items: given to a person, done or dropped with a reason, never overwritten unseen."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import action_items
from audit.actors import Actor
from audit.exceptions import (
    ActionChanged,
    ActionInvalid,
    ActionMisfit,
    ActionOwnerUnfit,
    NoSuchAction,
    NotPermitted,
    ReasonMissing,
)
from audit.models import ActionItem, ActionState, LedgerEntry, Priority
from tests import factories
from tests.cast import Cast

pytestmark = pytest.mark.django_db

TODAY = timezone.localdate


def given(actor: Actor, **more: object) -> ActionItem:
    return action_items.add("Take DROP away from the deployment's role", actor=actor, **more)  # type: ignore[arg-type]


def acts() -> list[str]:
    rows = LedgerEntry.objects.filter(action__startswith="action.").order_by("number")
    return [action.split(".")[1] for action in rows.values_list("action", flat=True)]


def test_the_whole_way(asker: Actor, cast: Cast) -> None:
    incident = factories.IncidentFactory()
    due = TODAY() + timedelta(days=7)
    row = given(asker, owner=cast.bob, due_on=due, priority=Priority.HIGH, incident=incident, detail="In psql.\r\n")
    assert (row.owner_name, row.detail, row.state, row.incident) == ("bob", "In psql.", ActionState.OPEN, incident)
    action_items.start(row, actor=cast.actor("bob"))
    assert (row.state, row.owner) == (ActionState.IN_PROGRESS, cast.bob)
    action_items.finish(row, actor=cast.actor("bob"), note="Release 4.3 has it.")
    assert (row.state, row.finished_by, row.finish_note) == (ActionState.DONE, "bob", "Release 4.3 has it.")
    action_items.reopen(row, actor=asker, reason="The staging role was forgotten.")
    assert (row.state, row.finished_at, row.finish_note) == (ActionState.OPEN, None, "")
    assert acts() == ["add", "start", "finish", "reopen"]
    entry = LedgerEntry.objects.get(action="action.reopen")
    assert entry.detail["before"] == {"state": "done", "note": "Release 4.3 has it."}
    assert entry.target == incident.target.name


def test_who_starts_what_nobody_owns_owns_it(asker: Actor, cast: Cast) -> None:
    row = given(asker)
    action_items.start(row, actor=cast.actor("bob"))
    assert row.owner_name == "bob"


def test_it_is_dropped_with_a_reason_only(asker: Actor) -> None:
    row = given(asker)
    with pytest.raises(ReasonMissing):
        action_items.drop(row, actor=asker, reason=" ")
    action_items.drop(row, actor=asker, reason="The role is gone.")
    assert (row.state, row.finish_note) == (ActionState.DROPPED, "The role is gone.")


def test_the_database_refuses_a_drop_without_a_reason(asker: Actor) -> None:
    row = given(asker)
    with pytest.raises(IntegrityError, match="a_dropped_action_has_a_reason"), transaction.atomic():
        ActionItem.objects.filter(pk=row.pk).update(
            state="dropped", finished_at=timezone.now(), finished_by="alice", finish_note=""
        )


def test_reopening_needs_a_reason(asker: Actor) -> None:
    row = given(asker)
    action_items.finish(row, actor=asker)
    with pytest.raises(ReasonMissing):
        action_items.reopen(row, actor=asker, reason="")


def test_steps_that_do_not_fit_are_refused(asker: Actor) -> None:
    row = given(asker)
    with pytest.raises(ActionMisfit):
        action_items.reopen(row, actor=asker, reason="It is open.")
    action_items.finish(row, actor=asker)
    for step in (
        lambda: action_items.finish(row, actor=asker),
        lambda: action_items.start(row, actor=asker),
        lambda: action_items.drop(row, actor=asker, reason="No."),
        lambda: action_items.change(row, version=row.version, actor=asker, title="Another"),
    ):
        with pytest.raises(ActionMisfit):
            step()


def test_an_auditor_changes_nothing(asker: Actor, auditor: Actor) -> None:
    row = given(asker)
    for step in (
        lambda: given(auditor),
        lambda: action_items.start(row, actor=auditor),
        lambda: action_items.finish(row, actor=auditor),
        lambda: action_items.drop(row, actor=auditor, reason="No."),
        lambda: action_items.reopen(row, actor=auditor, reason="No."),
        lambda: action_items.change(row, version=1, actor=auditor, title="Another"),
    ):
        with pytest.raises(NotPermitted):
            step()


@pytest.mark.parametrize("title", ["", " ", "x" * 256, "two\nlines"])
def test_it_needs_a_proper_title(asker: Actor, title: str) -> None:
    with pytest.raises(ActionInvalid):
        action_items.add(title, actor=asker)


def test_an_auditor_owns_nothing(asker: Actor, cast: Cast) -> None:
    with pytest.raises(ActionOwnerUnfit):
        given(asker, owner=cast.charlie)


def test_who_left_owns_nothing_new(asker: Actor, cast: Cast) -> None:
    User.objects.filter(pk=cast.bob.pk).update(is_active=False)
    with pytest.raises(ActionOwnerUnfit):
        given(asker, owner=User.objects.get(pk=cast.bob.pk))
    assert [user.username for user in action_items.owners()] == ["alice", "miriam"]


def test_two_editors_at_once_lose_nothing(asker: Actor, manager: Actor) -> None:
    row = given(asker)
    same = ActionItem.objects.get(pk=row.pk)
    action_items.change(row, version=1, actor=asker, detail="By Friday.")
    with pytest.raises(ActionChanged):
        action_items.change(same, version=1, actor=manager, detail="By Monday.")
    action_items.change(same, version=2, actor=manager, detail="By Monday.", reason="Friday is a holiday.")
    entry = LedgerEntry.objects.filter(action="action.change").latest("number")
    assert (entry.detail["before"], entry.detail["now"]) == ({"detail": "By Friday."}, {"detail": "By Monday."})
    row.refresh_from_db()
    assert (row.detail, row.version) == ("By Monday.", 3)


def test_what_stays_the_same_is_no_change(asker: Actor, cast: Cast) -> None:
    row = given(asker, owner=cast.bob)
    action_items.change(row, version=1, actor=asker, title=row.title, owner=cast.bob)
    assert row.version == 1
    assert acts() == ["add"]


def test_the_owner_who_left_keeps_what_is_changed_beside(asker: Actor, cast: Cast) -> None:
    row = given(asker, owner=cast.bob)
    User.objects.filter(pk=cast.bob.pk).update(is_active=False)
    action_items.change(row, version=1, actor=asker, owner=User.objects.get(pk=cast.bob.pk), due_on=TODAY())
    assert (row.owner_name, row.due_on) == ("bob", TODAY())


def test_overdue_is_what_is_owed_after_its_day(asker: Actor) -> None:
    yesterday = TODAY() - timedelta(days=1)
    late, today, done = given(asker, due_on=yesterday), given(asker, due_on=TODAY()), given(asker, due_on=yesterday)
    given(asker)
    action_items.finish(done, actor=asker)
    assert list(ActionItem.objects.overdue()) == [late]
    assert (late.is_overdue, today.is_overdue, done.is_overdue) == (True, False, False)


def test_mine_is_what_i_owe(asker: Actor, cast: Cast) -> None:
    row, done = given(asker, owner=cast.bob), given(asker, owner=cast.bob)
    given(asker, owner=cast.alice)
    action_items.finish(done, actor=asker)
    assert list(action_items.mine(cast.bob)) == [row]


@pytest.mark.parametrize("name", ["", "x", "-1", "9" * 30, "424242"])
def test_what_is_no_number_is_none(name: str) -> None:
    with pytest.raises(NoSuchAction):
        action_items.find(name)
