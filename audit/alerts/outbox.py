"""What is to be told of an alert's changes: one delivery a channel, made in the transaction of the change itself.

So a change that stands is told, and one that was rolled back is not. A worker sends them: ``audit.notifications``.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django_q.tasks import async_task

from audit import conf
from audit.models import Alert, Change, Delivery, DeliveryState, NotificationChannel, Severity

TASK = "audit.tasks.send_notifications"
CANNOT_SEND = "notifications.failed"
"""The alert about a channel that does not work; it is told on the others."""


def channel_fingerprint(channel: NotificationChannel) -> str:
    """Names the channel in the alert about it."""
    return f"channel-{channel.pk}"


def tell(row: Alert, change: Change) -> list[Delivery]:
    """Make the deliveries of a change. A silenced alert has none."""
    if change == Change.RESOLVED:
        drop_quiet(row)
    if row.is_silent():
        return []
    now = timezone.now()
    made = [_delivery(row, channel, change, now) for channel in _channels(row, change)]
    Delivery.objects.bulk_create(made, ignore_conflicts=True)
    if any(one.next_at <= now for one in made):
        transaction.on_commit(lambda: async_task(TASK))
    return made


def _channels(row: Alert, change: Change) -> list[NotificationChannel]:
    """Who is to know: of an end, only who was told of the beginning."""
    if change == Change.RESOLVED:
        told = row.deliveries.exclude(state=DeliveryState.DROPPED).values("channel")
        return list(NotificationChannel.objects.filter(is_active=True, pk__in=told))
    rows: QuerySet[NotificationChannel] = NotificationChannel.objects.filter(is_active=True)
    rows = rows.filter(Q(targets=None) | Q(targets=row.target_id)).distinct()
    rank = Severity(row.severity).rank
    itself = row.fingerprint if row.kind == CANNOT_SEND else ""
    return [
        channel
        for channel in rows
        if Severity(channel.minimum_severity).rank <= rank and channel_fingerprint(channel) != itself
    ]


def _delivery(row: Alert, channel: NotificationChannel, change: Change, now: datetime) -> Delivery:
    return Delivery(
        alert=row,
        channel=channel,
        channel_name=channel.name,
        change=change,
        number=row.changes,
        title=_title(row, change),
        body=_body(row, change),
        severity=row.severity,
        next_at=quiet_end(channel, Severity(row.severity), now) or now,
    )


def _title(row: Alert, change: Change) -> str:
    word = row.get_severity_display() if change == Change.OPENED else change.label
    return f"[{word}] {row.title}"[:255]


def _body(row: Alert, change: Change) -> str:
    lines = [row.hint] if row.hint and change != Change.RESOLVED else []
    if row.target is not None:
        lines.append(f"Target: {row.target} ({row.target.get_environment_display()})")
    lines.append(f"Opened {row.opened_at:%Y-%m-%d %H:%M:%S} UTC, seen {row.times} times, severity {row.severity}.")
    if change == Change.RESOLVED and row.resolved_at is not None:
        lines.append(f"Resolved {row.resolved_at:%Y-%m-%d %H:%M:%S} UTC: its cause is gone.")
    if conf.site_url():
        lines.append(f"{conf.site_url()}/admin/audit/alert/{row.pk}/change/")
    return "\n".join(lines)


def quiet_end(channel: NotificationChannel, severity: Severity, now: datetime) -> datetime | None:
    """When the channel's quiet hours end; None when it may be used now."""
    begins, ends = channel.quiet_from, channel.quiet_until
    if begins is None or ends is None or (severity == Severity.CRITICAL and channel.breaks_quiet):
        return None
    here = now.astimezone(ZoneInfo(channel.quiet_zone))
    clock = here.time().replace(tzinfo=None)
    is_quiet = begins <= clock < ends if begins < ends else clock >= begins or clock < ends
    if not is_quiet:
        return None
    day = here.date() + timedelta(days=0 if clock < ends else 1)
    return datetime.combine(day, ends, tzinfo=here.tzinfo)


def drop_quiet(row: Alert) -> None:
    """An alert that ended within quiet hours wakes nobody afterwards."""
    waits = row.deliveries.filter(state=DeliveryState.WAITING, attempts=0, next_at__gt=timezone.now())
    waits.update(state=DeliveryState.DROPPED)


def drop_waiting(row: Alert) -> None:
    """What was not sent when it was silenced is not sent."""
    row.deliveries.filter(state=DeliveryState.WAITING).update(state=DeliveryState.DROPPED)
