"""Mails that remind owners of what is due soon or overdue: one mail a person a day at most, and never a flood.

Told are: what is due within ``SOON_DAYS``, once for each due day; what is overdue, once and then every ``AGAIN_DAYS``.
A mail lists everything that its owner has in these two states. A mail is claimed by a conditional UPDATE; one whose
worker died while it was sent is not sent again, because it may have arrived.
"""

from __future__ import annotations

import smtplib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django_q.tasks import async_task

from audit import alerts, conf
from audit.action_items.items import KEEP
from audit.actors import Actor
from audit.exceptions import ReminderNotSent
from audit.models import ActionItem, ActionReminder, ReminderState
from audit.models.action_items import SOON_DAYS, ActionQuerySet

TASK = "audit.tasks.send_reminders"
AGAIN_DAYS = 7
FROM_HOUR = 7
"""Mails wait for this hour on tovgov's clock (TOVGOV_TIME_ZONE): nobody is woken by an action item."""
PAUSES = (60, 300, 900, 3600, 7200)
"""Seconds before the second, third … attempt; after the last pause one more is made."""
MAIL_SECONDS = 30
LISTED = 50
CANNOT_SEND = "action.reminders_not_sent"
ACTOR = Actor.system("reminders")


@dataclass(frozen=True, slots=True)
class Due:
    """What one person is told."""

    soon: Sequence[ActionItem]
    overdue: Sequence[ActionItem]

    def __bool__(self) -> bool:
        return bool(self.soon or self.overdue)

    @property
    def subject(self) -> str:
        """Numbers only: a title of many lines or signs has no place in a header."""
        parts = [f"{len(self.overdue)} overdue"] * bool(self.overdue) + [f"{len(self.soon)} due soon"] * bool(self.soon)
        return f"tovgov: action items, {', '.join(parts)}"


def tend() -> None:
    """Once a minute: settle what dead workers left, note whom to remind today, wake a worker when a mail is due."""
    settle()
    if timezone.localtime().hour >= FROM_HOUR:
        note_today()
    if _waiting().exists():
        async_task(TASK)


def note_today() -> int:
    """Make today's reminders for those who have not got one yet; how many."""
    today = timezone.localdate()
    told = ActionReminder.objects.filter(day=today).values("owner")
    people = User.objects.filter(is_active=True, pk__in=_causes(today).values("owner")).exclude(email="")
    rows = [ActionReminder(owner=user, day=today, next_at=timezone.now()) for user in people.exclude(pk__in=told)]
    return len(ActionReminder.objects.bulk_create(rows, ignore_conflicts=True))


def remind_now(*, actor: Actor) -> int:
    """Send today's reminders at this hour, to those who have not got one; how many. Raises ``NotPermitted``."""
    actor.require(KEEP)
    note_today()
    return send_due()


def send_due() -> int:
    """Send what waits; how many were taken by the mail server."""
    sent = 0
    while (row := _claim()) is not None:
        sent += _send(row)
    return sent


def due_of(owner: User, today: date | None = None) -> Due:
    """What this person has to do soon, and what is overdue."""
    today = today or timezone.localdate()
    owed = ActionItem.objects.owed().filter(owner=owner).select_related("incident").order_by("due_on", "-priority")
    soon = owed.filter(due_on__gte=today, due_on__lte=today + timedelta(days=SOON_DAYS))
    return Due(list(soon), list(owed.filter(due_on__lt=today)))


def settle() -> int:
    """Mails whose worker died while it sent them; how many."""
    long_ago = timezone.now() - timedelta(seconds=MAIL_SECONDS * 4 + 2 * conf.HEARTBEAT_STALE_SECONDS)
    left = ActionReminder.objects.filter(state=ReminderState.SENDING, claimed_at__lt=long_ago)
    return left.update(
        state=ReminderState.UNSURE, error="The worker died while it was sent: it may have arrived. It is not repeated."
    )


# --- what is told, and to whom ----------------------------------------------------------------------------------------


def _causes(today: date) -> ActionQuerySet:
    """Action items that give a reason to write to their owner today."""
    soon = Q(due_on__gte=today, due_on__lte=today + timedelta(days=SOON_DAYS))
    soon &= Q(soon_told_for__isnull=True) | ~Q(soon_told_for=F("due_on"))
    overdue = Q(due_on__lt=today)
    overdue &= (
        Q(overdue_told_on__isnull=True)
        | Q(overdue_told_on__lte=today - timedelta(days=AGAIN_DAYS))
        | Q(overdue_told_on__lte=F("due_on"))
    )
    return ActionItem.objects.owed().filter(soon | overdue, owner__isnull=False)


def message(owner: User, due: Due) -> EmailMessage:
    """The mail."""
    parts = [_listed("Overdue", due.overdue), _listed("Due soon", due.soon)]
    here = f"\n{conf.site_url()}{reverse('admin:audit_actionitem_changelist')}\n" if conf.site_url() else "\n"
    body = f"{owner.get_username()}, these action items are yours.\n\n{''.join(parts)}"
    body += f"Tick them off, change their day, or drop them with a reason in tovgov, under Action items.{here}"
    return EmailMessage(
        subject=due.subject, body=body, from_email=settings.DEFAULT_FROM_EMAIL, to=[owner.email],
        headers={"Auto-Submitted": "auto-generated"}, connection=get_connection(timeout=MAIL_SECONDS),
    )  # fmt: skip


def _listed(heading: str, rows: Sequence[ActionItem]) -> str:
    if not rows:
        return ""
    lines = [f"- {row.due_on}  {row.title}{_of(row)}" for row in rows[:LISTED]]
    more = [f"- and {len(rows) - LISTED} more"] if len(rows) > LISTED else []
    return "\n".join([f"{heading}:", *lines, *more, "", ""])


def _of(row: ActionItem) -> str:
    return f" ({row.incident.code})" if row.incident is not None else ""


# --- sending ----------------------------------------------------------------------------------------------------------


def _waiting() -> QuerySet[ActionReminder]:
    return ActionReminder.objects.filter(state=ReminderState.WAITING, next_at__lte=timezone.now())


def _claim() -> ActionReminder | None:
    """Take one for this worker."""
    for pk in list(_waiting().order_by("next_at", "pk").values_list("pk", flat=True)[:20]):
        taken = ActionReminder.objects.filter(pk=pk, state=ReminderState.WAITING).update(
            state=ReminderState.SENDING, claimed_at=timezone.now(), attempts=F("attempts") + 1
        )
        if taken == 1:
            return ActionReminder.objects.select_related("owner").get(pk=pk)
    return None


def _send(row: ActionReminder) -> bool:
    today, owner = timezone.localdate(), row.owner
    due = due_of(owner, today)
    if row.day != today or not due or not owner.is_active or not owner.email:
        _end(row, ReminderState.DROPPED, error="Nothing of it is due any more, or its day is over.")
        return False
    try:
        _hand_over(message(owner, due))
    except ReminderNotSent as error:
        _failed(row, error)
        return False
    with transaction.atomic():
        _end(row, ReminderState.SENT, sent_at=timezone.now(), soon=len(due.soon), overdue=len(due.overdue))
        _remember(due, today)
    alerts.resolve(CANNOT_SEND, fingerprint="mail", actor=ACTOR)
    return True


def _hand_over(mail: EmailMessage) -> None:
    """Give it to the mail server. Raises ``ReminderNotSent``, whose words hold neither address nor password."""
    try:
        mail.send()
    except smtplib.SMTPRecipientsRefused as error:
        raise ReminderNotSent("The mail server refused the owner's address.") from error
    except smtplib.SMTPResponseException as error:
        raise ReminderNotSent(f"The mail server answered {error.smtp_code}.") from error
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise ReminderNotSent(f"The mail was not taken: {type(error).__name__}.") from error


def _remember(due: Due, today: date) -> None:
    for row in due.soon:
        ActionItem.objects.filter(pk=row.pk).update(soon_told_for=row.due_on)
    ActionItem.objects.filter(pk__in=[row.pk for row in due.overdue]).update(overdue_told_on=today)


def _failed(row: ActionReminder, error: ReminderNotSent) -> None:
    """Try again after a pause; when the day's attempts are used up, say so aloud."""
    if row.attempts <= len(PAUSES):
        pause = timedelta(seconds=PAUSES[row.attempts - 1])
        _end(row, ReminderState.WAITING, error=error.message, next_at=timezone.now() + pause)
        return
    _end(row, ReminderState.FAILED, error=error.message)
    alerts.alert(
        CANNOT_SEND,
        fingerprint="mail",
        title=f"Reminders of action items cannot be sent: {error.message}",
        hint="Owners are not told what is overdue. Compare TOVGOV_EMAIL_URL with what the mail server wants.",
        actor=ACTOR,
    )


def _end(row: ActionReminder, state: ReminderState, **facts: object) -> None:
    """Write how it went, unless somebody has settled it meanwhile."""
    ours = ActionReminder.objects.filter(pk=row.pk, state=ReminderState.SENDING, attempts=row.attempts)
    ours.update(state=state, **({"error": ""} | facts))
