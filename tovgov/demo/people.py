"""The four people of the demo: real users of the four groups, each with a random password."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from django.contrib.auth.models import Group, User

from audit.actors import Actor
from audit.groups import GROUPS, ensure_groups

SOURCE = "demo"
SYLLABLES = 4


@dataclass(frozen=True, slots=True)
class Person:
    """A user, what signs them in, and the actor for the verbs."""

    name: str
    password: str = field(repr=False)
    actor: Actor


def invite() -> dict[str, Person]:
    """Make one user a group, named like it; group → person."""
    ensure_groups()
    return {group: _person(group) for group in GROUPS}


def _person(group: str) -> Person:
    password = "-".join(secrets.token_hex(2) for _ in range(SYLLABLES))
    user = User.objects.create_user(group, f"{group}@example.org", password, is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    return Person(group, password, Actor.person(user, SOURCE))
