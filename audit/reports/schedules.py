"""Reports by mail: the verbs that keep them, and the worker's minute that starts what is due.

Each mail goes on where the one before it ended. After an outage there is one mail over all that was missed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from audit import ledger
from audit.actors import Actor
from audit.exceptions import (
    NoSuchReportSchedule,
    RecipientRefused,
    ReportScheduleInvalid,
    ReportScheduleOff,
    TovgovError,
)
from audit.exports import request as exports
from audit.models import REPORT_FORMATS, Export, MailState, ReportMail, ReportSchedule
from audit.reports import calendar, known
from audit.reports import scope as scopes
from audit.reports.report import Report

logger = logging.getLogger(__name__)
ADD, CHANGE, REMOVE = "audit.add_reportschedule", "audit.change_reportschedule", "audit.delete_reportschedule"
ALLOW = "audit.allow_address"
FIELDS = ("name", "report", "query", "format", "rhythm", "at", "weekday", "day", "zone", "addresses", "is_active")
ACTOR = Actor.system("reports")
NOT_KEPT = ("from", "to", "zone", "page")


def add(*, actor: Actor, recipients: Iterable[User] = (), **facts: Any) -> ReportSchedule:
    """Have a report sent by mail. Raises as ``change`` does."""
    return change(ReportSchedule(created_by=actor.name), actor=actor, recipients=recipients, **facts)


def change(
    row: ReportSchedule, *, actor: Actor, recipients: Iterable[User] | None = None, **facts: Any
) -> ReportSchedule:
    """Set ``facts`` (fields) and the recipients of a new or a known one. What was owed before is forgotten.

    Raises ``NotPermitted`` (also for a report that the actor may not export, and for an address of no user without the
    permission for it), ``ReportScheduleInvalid``, ``RecipientRefused``, ``NoSuchReport``, and ``ReportInvalid``."""
    is_new = row.pk is None
    actor.require(ADD if is_new else CHANGE)
    before = set() if is_new else set(ReportSchedule.objects.get(pk=row.pk).addresses)
    for name, value in facts.items():
        if name not in FIELDS:
            raise ReportScheduleInvalid(f"A report by mail has no {name}.")
        setattr(row, name, value)
    report = known.find(row.report)
    known.require_to_export(report, actor)
    people = list(recipients) if recipients is not None else list(row.recipients.all())
    _check(row, report, people)
    if set(row.addresses) - before:
        actor.require(ALLOW)
    _plan(row, timezone.now())
    with transaction.atomic():
        row.save()
        row.recipients.set(people)
        facts_now: dict[str, Any] = {name: str(getattr(row, name)) for name in FIELDS if name != "addresses"}
        ledger.append(
            "report.schedule_add" if is_new else "report.schedule_change", actor=actor, obj=row, **facts_now,
            addresses=row.addresses, recipients=sorted(user.username for user in people),
        )  # fmt: skip
    return row


def _check(row: ReportSchedule, report: Report, people: list[User]) -> None:
    scopes.zone(row.zone)
    row.query = urlencode([(name, value) for name, value in parse_qsl(row.query) if name not in NOT_KEPT])
    scopes.read(report, row.query)
    if row.format not in REPORT_FORMATS:
        raise ReportScheduleInvalid(f"“{row.format[:20]}” is no format; there are {', '.join(REPORT_FORMATS)}.")
    if not 1 <= row.day <= 28:
        raise ReportScheduleInvalid("The day of the month is one that every month has: 1 to 28.")
    row.addresses = list(dict.fromkeys(address.strip() for address in row.addresses if address.strip()))
    try:
        for address in row.addresses:
            validate_email(address)
        row.clean_fields()
    except ValidationError as error:
        raise ReportScheduleInvalid(" ".join(error.messages)) from None
    if ReportSchedule.objects.filter(name=row.name).exclude(pk=row.pk).exists():
        raise ReportScheduleInvalid(f"There is one named “{row.name}” already.")
    if not people and not row.addresses:
        raise ReportScheduleInvalid("It needs somebody to be sent to.")
    for user in people:
        if why := refusal(report, user):
            raise RecipientRefused(f"{user.get_username()}: {why}")


def refusal(report: Report, user: User) -> str:
    """Why this person may not be sent the report; "" when they may."""
    if not user.is_active:
        return "the user is locked out."
    if not user.email:
        return "the user has no mail address."
    if not known.may_export(report, Actor.person(user, "mail")):
        return f"the user may not see and export the report “{report.title}”."
    return ""


def _plan(row: ReportSchedule, now: datetime) -> None:
    """The next time, and the beginning of its period."""
    row.next_at = calendar.due_after(row, now) if row.is_active else None
    row.covered_until = calendar.begins(row, row.next_at) if row.next_at else None


def find(name: str) -> ReportSchedule:
    """The one of a number or a name. Raises ``NoSuchReportSchedule``."""
    rows = ReportSchedule.objects.filter(name=name)
    if name.isdecimal() and len(name) < 19:
        rows = ReportSchedule.objects.filter(pk=int(name)) or rows
    row = rows.first()
    if row is None:
        raise NoSuchReportSchedule(f"There is no report by mail “{name[:80]}”.")
    return row


def period_now(row: ReportSchedule, now: datetime | None = None) -> tuple[datetime, datetime]:
    """The period of a mail that is sent now: that of the last due time, which is over."""
    due = calendar.due_before(row, now or timezone.now())
    return calendar.begins(row, due), calendar.ends(row, due)


def send_now(row: ReportSchedule, *, actor: Actor, reason: str = "") -> Export:
    """Ask for its file and mails now, of the period whose time came last; when the schedule's next mail comes, and of
    which period it is, stays as it was. The mails go the way of the schedule's: tried again, given up aloud.

    Raises ``NotPermitted`` (also for a report that the actor may not export), ``ReportScheduleOff``,
    ``RecipientRefused`` when nobody may be sent it, ``NoSuchReport`` and ``ReportInvalid``."""
    actor.require(CHANGE)
    known.require_to_export(known.find(row.report), actor)
    row.refresh_from_db()
    if not row.is_active:
        raise ReportScheduleOff
    start, end = period_now(row)
    with transaction.atomic():
        ledger.append(
            "report.send_now", actor=actor, obj=row, reason=reason, start=start.isoformat(), end=end.isoformat()
        )
        export = _ask(row, start, end, 0, actor=actor)
        words = f"{actor.name} asked for it from {start:%Y-%m-%d} to before {end:%Y-%m-%d}."
        ReportSchedule.objects.filter(pk=row.pk).update(last_note=words[:255])
    row.refresh_from_db()
    return export


def remove(row: ReportSchedule, *, actor: Actor) -> None:
    """Send it no more; what was sent stays on record. Raises ``NotPermitted``."""
    actor.require(REMOVE)
    with transaction.atomic():
        ledger.append("report.schedule_remove", actor=actor, obj=row)
        row.delete()


# --- the worker's minute ---------------------------------------------------------------------------------------------


def start_due(now: datetime | None = None) -> list[Export]:
    """Ask for the file of every report that is due, each once however many workers do so; the files."""
    now = now or timezone.now()
    due = ReportSchedule.objects.filter(is_active=True, next_at__lte=now).order_by("next_at", "pk")
    return [export for row in due if (export := _start(row, now)) is not None]


def _start(row: ReportSchedule, now: datetime) -> Export | None:
    """Claim the time, ask for the file and note who gets it, in one transaction."""
    assert row.next_at is not None
    due = calendar.due_before(row, now)
    start, end = row.covered_until or calendar.begins(row, due), calendar.ends(row, due)
    with transaction.atomic():
        taken = ReportSchedule.objects.filter(pk=row.pk, is_active=True, next_at=row.next_at).update(
            next_at=calendar.due_after(row, now), covered_until=end
        )
        if not taken or start >= end:
            return None
        try:
            export = _ask(row, start, end, calendar.missed(row, row.next_at, due))
        except TovgovError as error:
            ReportSchedule.objects.filter(pk=row.pk).update(last_note=f"Not made: {error.message}"[:255])
            ledger.append("report.not_made", actor=ACTOR, obj=row, code=error.code, error=error.message)
            logger.warning("report by mail %s: %s", row, error.message)
            return None
        words = f"Asked for from {start:%Y-%m-%d} to before {end:%Y-%m-%d}."
        ReportSchedule.objects.filter(pk=row.pk).update(last_note=words)
        return export


def _ask(row: ReportSchedule, start: datetime, end: datetime, missed: int, *, actor: Actor = ACTOR) -> Export:
    report = known.find(row.report)
    span = [("from", start.isoformat()), ("to", end.isoformat())] if report.has_period else []
    scope = scopes.read(report, urlencode([*parse_qsl(row.query), *span, ("zone", row.zone)]))
    if not _allowed(row, report) and not row.addresses:
        raise RecipientRefused("Nobody that it is sent to may see it any more.")
    export = exports.queue(report.page, scope.query, row.format, actor=actor)
    facts: dict[str, Any] = {
        "schedule": row, "schedule_name": row.name, "export": export, "missed": missed, "next_at": timezone.now(),
        "period_start": start if report.has_period else None, "period_end": end if report.has_period else None,
    }  # fmt: skip
    for user in row.recipients.all():
        if why := refusal(report, user):
            ledger.append("report.not_mailed", actor=ACTOR, obj=row, user=user.get_username(), why=why)
            continue
        ReportMail.objects.get_or_create(export=export, address=user.email, defaults=facts | {"user": user})
    for address in row.addresses:
        ReportMail.objects.get_or_create(export=export, address=address, defaults=facts | {"state": MailState.WAITING})
    return export


def _allowed(row: ReportSchedule, report: Report) -> list[User]:
    return [user for user in row.recipients.all() if not refusal(report, user)]
