"""The verbs of channels: add, change, remove, test. The address is stored encrypted and never shown."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import time
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import alerts, conf, ledger
from audit.actors import Actor
from audit.alerts import outbox
from audit.exceptions import ChannelInvalid, ChannelNameTaken, TovgovError
from audit.models import NotificationChannel, Severity, Target
from audit.notifications import address

ADD, CHANGE, REMOVE, TEST = (
    "audit.add_notificationchannel",
    "audit.change_notificationchannel",
    "audit.delete_notificationchannel",
    "audit.test_channel",
)
FIELDS = ("name", "minimum_severity", "is_active", "quiet_from", "quiet_until", "quiet_zone", "breaks_quiet")


def add(name: str, url: str, *, actor: Actor, targets: Iterable[Target] = (), **facts: Any) -> NotificationChannel:
    """Add a channel; ``facts`` are fields of it. Raises ``NotPermitted``, ``ChannelInvalid``, ``ChannelNameTaken``."""
    actor.require(ADD)
    return _keep(NotificationChannel(name=name), {"name": name, "url": url} | facts, targets, actor, "channel.add")


def change(
    row: NotificationChannel, *, actor: Actor, targets: Iterable[Target] | None = None, **facts: Any
) -> NotificationChannel:
    """Change fields of a channel; an empty ``url`` keeps the stored one. Raises as ``add`` does."""
    actor.require(CHANGE)
    return _keep(row, facts, targets, actor, "channel.change")


def _keep(
    row: NotificationChannel, facts: dict[str, Any], targets: Iterable[Target] | None, actor: Actor, action: str
) -> NotificationChannel:
    url = facts.pop("url", "").strip()
    for name, value in facts.items():
        if name not in FIELDS:
            raise ChannelInvalid(f"A channel has no {name}.")
        setattr(row, name, value)
    if url:
        found = address.read(url)
        row.url, row.schema, row.place, row.tested_at, row.test_error = url, found.schema, found.place, None, ""
    _check(row)
    try:
        with transaction.atomic():
            row.save()
            if targets is not None:
                row.targets.set(targets)
            changed = [*facts, *(["url"] if url else []), *(["targets"] if targets is not None else [])]
            ledger.append(action, actor=actor, obj=row, channel=f"{row.schema} {row.place}", changed=changed)
    except IntegrityError as error:
        if "name" not in str(error):
            raise
        raise ChannelNameTaken(f'There is a channel "{row.name}" already.') from error
    return row


def _check(row: NotificationChannel) -> None:
    quiet: list[time | None] = [row.quiet_from, row.quiet_until]
    if (quiet[0] is None) != (quiet[1] is None) or (quiet[0] is not None and quiet[0] == quiet[1]):
        raise ChannelInvalid("Quiet hours have a beginning and another end, or neither.")
    try:
        ZoneInfo(row.quiet_zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise ChannelInvalid(f"There is no time zone “{row.quiet_zone}”; one is Asia/Jerusalem.") from None
    try:
        row.clean_fields(exclude=["url"])
    except ValidationError as error:
        raise ChannelInvalid(
            " ".join(f"{name}: {' '.join(said)}" for name, said in error.message_dict.items())
        ) from None
    if not row.name.strip() or not row.url:
        raise ChannelInvalid("A channel has a name and an address.")


def remove(row: NotificationChannel, *, actor: Actor) -> None:
    """Remove a channel with its address; what was sent through it stays in the list. Raises ``NotPermitted``."""
    actor.require(REMOVE)
    with transaction.atomic():
        alerts.resolve(outbox.CANNOT_SEND, fingerprint=outbox.channel_fingerprint(row), actor=actor)
        ledger.append("channel.remove", actor=actor, obj=row, channel=f"{row.schema} {row.place}")
        row.delete()


def send_test(row: NotificationChannel, *, actor: Actor) -> TovgovError | None:
    """Send one message now and remember how it ended; the error, told and not raised. It takes at most
    ``address.SECONDS``. Raises ``NotPermitted``."""
    actor.require(TEST)
    error = _try(row, actor)
    row.tested_at, row.test_error = timezone.now(), error.message if error else ""
    with transaction.atomic():
        row.save(update_fields=["tested_at", "test_error"])
        ledger.append("channel.test", actor=actor, obj=row, error=row.test_error)
        if error is None:
            alerts.resolve(outbox.CANNOT_SEND, fingerprint=outbox.channel_fingerprint(row), actor=actor)
    return error


def _try(row: NotificationChannel, actor: Actor) -> TovgovError | None:
    lines = [f"{actor.name} tests the channel “{row.name}”. Alerts of tovgov will come this way.", conf.site_url()]
    try:
        address.send(row.url, title="tovgov: a test", body="\n".join(filter(None, lines)), severity=Severity.INFO)
    except TovgovError as error:
        return error
    return None
