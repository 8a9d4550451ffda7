"""What waits for a person today, each for their role: what to approve, to look at, to lead, to finish."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Min, QuerySet
from django.urls import reverse

from audit.lists.waiting import Waiting
from audit.models import (
    Alert,
    Approval,
    ConnectionGroup,
    DeleteAuditTransaction,
    Incident,
    IncidentStatus,
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
    return [*_decisions(user, approvals), *_incidents(user), *_alerts(user, loose), *_reviews(user, reviews)]


def _list(stem: str, **asked: str) -> str:
    return f"{reverse(f'admin:audit_{stem}_changelist')}" + (f"?{urlencode(asked)}" if asked else "")


def _decisions(user: Any, approvals: list[Approval]) -> Iterator[Need]:
    others = [one for one in approvals if one.asked_name != user.get_username()]
    if others and user.has_perm("audit.decide_approval"):
        yield Need("Approvals", f"{len(others):,}", _list("approval"), min(one.asked_at for one in others))


def _incidents(user: Any) -> Iterator[Need]:
    """Nobody's, mine, and those whose lessons are not drawn."""
    rows: Any = Incident.objects.order_by()
    if user.has_perm("audit.handle_incident"):
        new = {"status__exact": str(IncidentStatus.OPEN)}
        yield from _counted("New incidents", rows.filter(status=IncidentStatus.OPEN), "opened_at", "incident", new)
        mine = {"lead__id__exact": str(user.pk), "open": "open"}
        led = rows.filter(status__in=UNRESOLVED, lead=user)
        yield from _counted("Incidents you lead", led, "opened_at", "incident", mine)
    if user.has_perm("audit.lead_incident"):
        resolved = {"status__exact": str(IncidentStatus.RESOLVED)}
        unread = rows.filter(status=IncidentStatus.RESOLVED)
        yield from _counted("Incidents to be reviewed", unread, "resolved_at", "incident", resolved)


def _counted(name: str, rows: QuerySet[Any], moment: str, stem: str, asked: dict[str, str]) -> Iterator[Need]:
    """How many there are, if any, and since when the oldest waits."""
    found = rows.aggregate(number=Count("pk"), oldest=Min(moment))
    if found["number"]:
        yield Need(name, f"{found['number']:,}", _list(stem, **asked), found["oldest"])


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
