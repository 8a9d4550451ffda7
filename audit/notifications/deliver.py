"""Send what waits in the outbox: each change of an alert once on each channel, in order, tried again with pauses.

A delivery is claimed by a conditional UPDATE. One whose worker died while it was sent is not sent again, because it may
have arrived: it is shown as *perhaps sent*.
"""

from __future__ import annotations

import time
from datetime import timedelta

from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils import timezone
from django_q.tasks import async_task

from audit import alerts, conf
from audit.actors import Actor
from audit.alerts import outbox
from audit.exceptions import ChannelInvalid, TovgovError
from audit.models import Delivery, DeliveryState, NotificationChannel, Severity
from audit.notifications import address

PAUSES = (30, 60, 120, 300, 900, 1800, 3600, 7200, 14_400)
"""Seconds before the second, third … attempt; after the last pause one more is made, about eight hours in all."""
ROUND_SECONDS = 120
"""A worker sends for so long and then gives way; what is left follows in the next round."""
ACTOR = Actor.system("notifications")


def tend() -> None:
    """Once a minute: end silences, settle what dead workers left, and wake a worker when something is due."""
    alerts.end_silences()
    settle()
    if due().exists():
        async_task(outbox.TASK)


def due() -> QuerySet[Delivery]:
    """What may be sent now: the oldest that waits of each alert and channel."""
    earlier = Delivery.objects.filter(
        alert=OuterRef("alert"),
        channel=OuterRef("channel"),
        number__lt=OuterRef("number"),
        state__in=[DeliveryState.WAITING, DeliveryState.SENDING],
    )
    rows = Delivery.objects.filter(state=DeliveryState.WAITING, next_at__lte=timezone.now())
    return rows.exclude(Exists(earlier)).order_by("next_at", "id")


def send_due(seconds: float = ROUND_SECONDS) -> int:
    """Send what is due, for at most ``seconds`` and one message more; how many were taken."""
    deadline = time.monotonic() + seconds
    sent = 0
    while (row := _claim()) is not None:
        sent += _send(row)
        if time.monotonic() > deadline:
            async_task(outbox.TASK)
            break
    return sent


def _claim() -> Delivery | None:
    """Take one for this worker."""
    for pk in list(due().values_list("pk", flat=True)[:20]):
        taken = Delivery.objects.filter(pk=pk, state=DeliveryState.WAITING).update(
            state=DeliveryState.SENDING, claimed_at=timezone.now(), attempts=F("attempts") + 1
        )
        if taken == 1:
            return Delivery.objects.select_related("alert__target", "channel").get(pk=pk)
    return None


def _send(row: Delivery) -> bool:
    channel = row.channel
    if channel is None or not channel.is_active:
        _end(row, DeliveryState.DROPPED, error="The channel is not in use any more.")
        return False
    try:
        address.send(channel.url, title=row.title, body=row.body, severity=Severity(row.severity))
    except TovgovError as error:
        _failed(row, channel, error)
        return False
    _end(row, DeliveryState.SENT, sent_at=timezone.now())
    alerts.resolve(outbox.CANNOT_SEND, fingerprint=outbox.channel_fingerprint(channel), actor=ACTOR)
    return True


def _failed(row: Delivery, channel: NotificationChannel, error: TovgovError) -> None:
    """Try again after a pause, or give up aloud."""
    is_last = row.attempts > len(PAUSES) or isinstance(error, ChannelInvalid)
    if is_last:
        _end(row, DeliveryState.FAILED, error=error.message)
    else:
        pause = timedelta(seconds=PAUSES[row.attempts - 1])
        _end(row, DeliveryState.WAITING, error=error.message, next_at=timezone.now() + pause)
    if is_last or row.attempts == 3:
        _tell(channel, error)


def _tell(channel: NotificationChannel, error: TovgovError) -> None:
    alerts.alert(
        outbox.CANNOT_SEND,
        fingerprint=outbox.channel_fingerprint(channel),
        title=f"Alerts cannot be sent through “{channel.name}”: {error.message}",
        severity=Severity.CRITICAL,
        hint="Nobody is told through it. Test the channel on its page; meanwhile look at Alerts yourself.",
        actor=ACTOR,
    )


def _end(row: Delivery, state: DeliveryState, **facts: object) -> None:
    """Write how it went, unless somebody has settled it meanwhile."""
    ours = Delivery.objects.filter(pk=row.pk, state=DeliveryState.SENDING, attempts=row.attempts)
    ours.update(state=state, **({"error": ""} | facts))


def settle() -> int:
    """Deliveries whose worker died while it sent them; how many."""
    long_ago = timezone.now() - timedelta(seconds=address.SECONDS + 2 * conf.HEARTBEAT_STALE_SECONDS)
    left = Delivery.objects.filter(state=DeliveryState.SENDING, claimed_at__lt=long_ago)
    return left.update(
        state=DeliveryState.UNSURE, error="The worker died while it was sent: it may have arrived. It is not repeated."
    )
