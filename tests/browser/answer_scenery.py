"""An incident with its runbook half done, action items in every state, lessons and a former one that resembles it."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from audit import action_items, lessons, runbooks
from audit.actors import Actor
from audit.models import ActionReminder, Incident, IncidentKind, Priority, Target
from tests import cast, factories
from tests.factories import ago


def build(people: cast.Cast, target: Target) -> Incident:
    """The new incident of ``target``."""
    alice, bob = people.actor("alice"), people.actor("bob")
    words = {"target": target, "kind": IncidentKind.DROPPED, "causes": ["deployment"]}
    former = factories.IncidentFactory(title="The deployment dropped the database", opened_at=ago(days=90), **words)
    new = factories.IncidentFactory(title="The database was dropped by a release", began_at=ago(hours=1), **words)
    _runbooks(new, alice, bob)
    _actions(new, people, alice)
    lessons.add(
        "The deployment dropped the database because its role owned it.", "The owner is a role nobody logs in as.",
        cause="The release script runs DROP DATABASE IF EXISTS.", tags=["deployment", "roles"], incident=former,
        actor=alice,
    )  # fmt: skip
    own = lessons.add("Nobody was told for an hour.", "A channel for critical alerts.", incident=new, actor=alice)
    lessons.retire(own, reason="There is one now.", actor=bob)
    return new


def _runbooks(incident: Incident, alice: Actor, bob: Actor) -> None:
    begun = runbooks.begin(incident, "dropped-database", actor=alice)
    first, second, third = begun.steps.all()[:3]
    runbooks.tick(first, actor=alice, note="The release is stopped; Dana knows.")
    runbooks.tick(second, actor=bob)
    runbooks.tick(third, actor=alice)
    runbooks.untick(third, actor=bob, reason="That was staging.")
    runbooks.add_step(begun, "Call the club", why="They open at nine.", with_whom="Dana", actor=alice)
    done = runbooks.begin(incident, "protection-gap", actor=bob)
    for step in done.steps.all():
        runbooks.tick(step, actor=bob)


def _actions(incident: Incident, people: cast.Cast, alice: Actor) -> None:
    today = timezone.localdate()
    facts = {"actor": alice, "incident": incident}
    for title, owner, days, priority in (
        ("Take DROP away from the deployment's role", people.bob, -3, Priority.URGENT),
        ("Test the alarm of a dropped database", people.alice, 2, Priority.HIGH),
        ("Write down who may approve at night", None, 30, Priority.NORMAL),
    ):
        action_items.add(
            title, owner=owner, due_on=today + timedelta(days=days), priority=priority, detail="As we said.",
            **facts,  # type: ignore[arg-type]
        )  # fmt: skip
    done, dropped = (action_items.add(title, **facts) for title in ("Hold the backup", "Move to another rack"))  # type: ignore[arg-type]
    action_items.finish(done, actor=alice, note="Held until the audit.")
    action_items.drop(dropped, actor=alice, reason="The rack was not the cause.")
    ActionReminder.objects.create(owner=people.bob, day=today, next_at=ago(hours=1), state="sent", overdue=1)
