"""What waits for a person today, each for their role: what to approve, to look at, to lead, to finish."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Min, Q, QuerySet
from django.urls import reverse

from audit.lists.waiting import Waiting
from audit.models import (
    ActionItem,
    Alert,
    Approval,
    ConnectionGroup,
    DeleteAuditTransaction,
    Incident,
    IncidentStatus,
    PostMortem,
    PostMortemState,
    Reviewed,
    ServerLogGroup,
)
from audit.models.incidents import UNRESOLVED

REVIEWS: tuple[tuple[type[Reviewed], str], ...] = (
    (DeleteAuditTransaction, "Deletes"),
    (ServerLogGroup, "Server log lines"),
    (ConnectionGroup, "Connections"),
)
"""What people review, the most urgent first."""


@dataclass(frozen=True, slots=True)
class Review:
    """What of one log waits for a review."""

    name: str
    list_url: str
    waiting: Waiting

    @property
    def url(self) -> str:
        """The list of exactly these."""
        return f"{self.list_url}?state=unreviewed&target={self.waiting.target_id}"


@dataclass(frozen=True, slots=True)
class Need:
    """One kind of thing that waits for a person: how many, and where they are."""

    name: str
    number: str
    url: str
    oldest: datetime | None = None


def needs_of(user: Any, approvals: list[Approval], loose: list[Alert], reviews: Sequence[Review]) -> list[Need]:
    """What waits for this person, by kind, the most urgent first."""
    found = [*_decisions(user, approvals), *_incidents(user), *_actions(user), *_post_mortems(user)]
    return [*found, *_alerts(user, loose), *_reviews(user, reviews)]


def _list(stem: str, **asked: str) -> str:
    return f"{reverse(f'admin:audit_{stem}_changelist')}" + (f"?{urlencode(asked)}" if asked else "")


def _decisions(user: Any, approvals: list[Approval]) -> Iterator[Need]:
    others = [one for one in approvals if one.asked_name != user.get_username()]
    if others and user.has_perm("audit.decide_approval"):
        yield Need("Approvals", f"{len(others):,}", _list("approval"), min(one.asked_at for one in others))


def _incidents(user: Any) -> Iterator[Need]:
    """Nobody's, mine, and those whose lessons are not drawn."""
    kinds = []
    if user.has_perm("audit.handle_incident"):
        new, mine = Q(status=IncidentStatus.OPEN), Q(status__in=UNRESOLVED, lead=user)
        kinds = [
            _Kind("New incidents", new, "opened_at", {"status__exact": str(IncidentStatus.OPEN)}),
            _Kind("Incidents you lead", mine, "opened_at", {"lead__id__exact": str(user.pk), "open": "open"}),
        ]
    if user.has_perm("audit.lead_incident"):
        asked = {"status__exact": str(IncidentStatus.RESOLVED)}
        kinds += [_Kind("Incidents to be reviewed", Q(status=IncidentStatus.RESOLVED), "resolved_at", asked)]
    yield from _counted(Incident.objects.order_by(), "incident", kinds)


def _actions(user: Any) -> Iterator[Need]:
    """What this person owes since its day has passed; and, for who leads, what anybody owes."""
    kinds = []
    if user.has_perm("audit.keep_action"):
        kinds += [_Kind("Your overdue actions", Q(owner=user), "made_at", {"due": "overdue", "whose": "mine"})]
    if user.has_perm("audit.lead_incident"):
        kinds += [_Kind("All overdue actions", Q(), "made_at", {"due": "overdue"})]
    yield from _counted(ActionItem.objects.overdue().order_by(), "actionitem", kinds)


@dataclass(frozen=True, slots=True)
class _Kind:
    """What is counted of a list: its name, which rows, since when they wait, and the list's filters."""

    name: str
    rows: Q
    moment: str
    asked: dict[str, str]


def _counted(rows: QuerySet[Any], stem: str, kinds: Sequence[_Kind]) -> Iterator[Need]:
    """How many there are of each kind, if any, and since when the oldest waits; one query."""
    wanted: dict[str, Any] = {}
    for place, kind in enumerate(kinds):
        wanted |= {f"n{place}": Count("pk", filter=kind.rows), f"at{place}": Min(kind.moment, filter=kind.rows)}
    found = rows.aggregate(**wanted) if kinds else {}
    for place, kind in enumerate(kinds):
        if found[f"n{place}"]:
            yield Need(kind.name, f"{found[f'n{place}']:,}", _list(stem, **kind.asked), found[f"at{place}"])


def _post_mortems(user: Any) -> Iterator[Need]:
    """Those that wait for a reader who did not write them."""
    if user.has_perm("audit.review_postmortem"):
        asked = {"state__exact": str(PostMortemState.IN_REVIEW)}
        unread = Q(state=PostMortemState.IN_REVIEW) & ~Q(edited_by=user.get_username())
        kinds = [_Kind("Post-mortems to be reviewed", unread, "asked_at", asked)]
        yield from _counted(PostMortem.objects.order_by(), "postmortem", kinds)


def _alerts(user: Any, loose: list[Alert]) -> Iterator[Need]:
    if loose and user.has_perm("audit.acknowledge_alert"):
        yield Need("Alerts", f"{len(loose):,}", _list("alert", open="new"), min(one.opened_at for one in loose))


def _reviews(user: Any, reviews: Iterable[Review]) -> Iterator[Need]:
    known = list(reviews)
    for kind, name in REVIEWS:
        rows = [review for review in known if review.name == name]
        if rows and user.has_perm(kind.review_permission):
            number = sum(row.waiting.unreviewed.number for row in rows)
            about = "more than " if any(row.waiting.unreviewed.sign for row in rows) else ""
            oldest = min(row.waiting.oldest for row in rows if row.waiting.oldest is not None)
            yield Need(name, f"{about}{number:,}", f"{rows[0].list_url}?state=unreviewed", oldest)
