"""Questions that several lists ask: target, people, states, addresses, noise."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q

from audit.lists.listing import Column, Filter, number
from audit.models import ReviewState, Target
from audit.models.reviews import WAITING_STATES

WAITING = "waiting"


def targets() -> list[tuple[str, str]]:
    return [(str(pk), name) for pk, name in Target.objects.order_by("name").values_list("pk", "name")]


def states() -> list[tuple[str, str]]:
    return [(WAITING, "Waiting (any)"), *ReviewState.choices]


def people() -> list[tuple[str, str]]:
    names = User.objects.filter(is_active=True).order_by("username").values_list("username", flat=True)
    return [(name, name) for name in names]


def anywhere(text: str, names: Iterable[str]) -> Q:
    """What has ``text`` in one of these fields, in any case."""
    found = Q()
    for name in names:
        found |= Q(**{f"{name}__icontains": text})
    return found


def state_clause(answer: str, prefix: str = "") -> Q:
    """What is in this state. Raises ``ValueError``."""
    if answer == WAITING:
        return Q(**{f"{prefix}state__in": WAITING_STATES})
    if answer not in ReviewState.values:
        raise ValueError(f"“{answer}” is no state of a review.")
    return Q(**{f"{prefix}state": answer})


def address_clause(answer: str, field: str = "client_address") -> Q:
    """What came from an address, or from the server's own socket (``local``). Raises ``ValueError``."""
    if answer == "local":
        return Q(**{f"{field}__isnull": True})
    return Q(**{field: str(ipaddress.ip_address(answer))})


def assignee_clause(answer: str, prefix: str = "") -> Q:
    """What is in this person's hands. Raises ``ValueError``."""
    user = User.objects.filter(username=answer).first()
    if user is None:
        raise ValueError(f"there is no user “{answer}”.")
    return Q(**{f"{prefix}assignee": user.pk})


def one_of(answer: str, field: str, values: Any) -> Q:
    """What has one of a field's own values. Raises ``ValueError``."""
    if answer not in {str(value) for value in values}:
        raise ValueError(f"“{answer[:40]}” is none of them.")
    return Q(**{field: answer})


ROW = (Column("id", "pk", is_text=False), Column("at", "at", is_text=False))
"""How each row of an export begins: its number and its moment."""

GROUP = (Column("id", "pk", is_text=False), Column("day", "day", is_text=False), Column("target", "target__name"))
"""How each group of alike entries begins."""

SPAN = (
    Column("first", "at", is_text=False),
    Column("last", "last_at", is_text=False),
    Column("count", "count", is_text=False),
)
"""When and how often the entries of a group were."""

REVIEW = (
    Column("state", "state"),
    Column("assignee", "assignee_name"),
    Column("decided_by", "decided_by"),
    Column("decided_at", "decided_at", is_text=False),
    Column("closed_by", "closed_by"),
    Column("closed_at", "closed_at", is_text=False),
    Column("incident", "incident_id", is_text=False),
)
"""What an export tells of the review of what is ``Reviewed``."""

TARGET = Filter("target", "Target", lambda text: Q(target=number(text)), "choice", targets, is_indexed=True)


def state(prefix: str = "") -> Filter:
    return Filter("state", "Review", lambda text: state_clause(text, prefix), "choice", states)


def assignee(prefix: str = "") -> Filter:
    return Filter("assignee", "Assigned to", lambda text: assignee_clause(text, prefix), "choice", people)


def noise(what: str) -> Filter:
    """Hides what nobody has to look at; ``what`` says what that is."""
    choices = [("shown", "Shown too"), ("only", "Alone")]
    clauses = {"shown": Q(), "only": Q(is_noise=True)}

    def clause(answer: str) -> Q:
        if answer not in clauses:
            raise ValueError(f"“{answer[:40]}” is neither shown nor only.")
        return clauses[answer]

    return Filter(
        "noise", what, clause, "choice", lambda: choices, is_indexed=True, absent=Q(is_noise=False), hidden="only",
        shown="shown",
    )  # fmt: skip


def noise_of_group(what: str) -> Filter:
    """Entries by whether somebody has to look at their group; nothing is hidden until it is asked."""
    clauses = {"none": Q(of_group__is_noise=False), "only": Q(of_group__is_noise=True)}

    def clause(answer: str) -> Q:
        if answer not in clauses:
            raise ValueError(f"“{answer[:40]}” is neither none nor only.")
        return clauses[answer]

    return Filter("noise", what, clause, "choice", lambda: [("none", "Left out"), ("only", "Alone")])
