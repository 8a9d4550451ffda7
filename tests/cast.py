"""One cast for all tests: Miriam manages, Alice asks, Bob approves, Charlie may only look."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import Group, User

from audit.actors import Actor
from audit.groups import ensure_groups

PASSWORD = "correct horse battery staple"


@dataclass(frozen=True)
class Cast:
    """Four people, one of each group."""

    miriam: User
    alice: User
    bob: User
    charlie: User

    def actor(self, name: str) -> Actor:
        """The person of this first name, acting from the tests."""
        return Actor.person(getattr(self, name), "tests")


def person(username: str, group: str, *, password: str = PASSWORD) -> User:
    """A user who may sign in to the admin, in one of the four groups."""
    user = User.objects.create_user(username, f"{username}@example.org", password, is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    return user


def gather() -> Cast:
    """Make the groups and the four users."""
    ensure_groups()
    return Cast(
        miriam=person("miriam", "manager"),
        alice=person("alice", "staff"),
        bob=person("bob", "approver"),
        charlie=person("charlie", "auditor"),
    )
