"""A channel that leads to a real web server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from audit.actors import Actor
from audit.models import NotificationChannel
from audit.notifications import channels
from tests.audit.notifications.places import Hook, Mailbox, mailbox, webhook


@pytest.fixture
def hook() -> Iterator[Hook]:
    with webhook() as there:
        yield there


@pytest.fixture
def mails() -> Iterator[Mailbox]:
    with mailbox() as there:
        yield there


@pytest.fixture
def channel(hook: Hook, manager: Actor) -> NotificationChannel:
    """Told of everything, at every hour."""
    return channels.add("Night watch", hook.url, minimum_severity="info", actor=manager)
