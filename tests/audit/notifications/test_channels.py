"""Channels: who may have them, what is stored, what the test says."""

from __future__ import annotations

from datetime import time

import pytest
from django.db import connection

from audit import alerts, secrets
from audit.actors import Actor
from audit.alerts import outbox
from audit.exceptions import ChannelInvalid, ChannelNameTaken, NotPermitted
from audit.models import Alert, LedgerEntry, NotificationChannel
from audit.notifications import channels
from tests.audit.notifications.places import Hook
from tests.factories import TargetFactory

pytestmark = pytest.mark.django_db
URL = "json://miriam:open-sesame@hooks.example.org/sekrit-token"


def in_the_table() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT c::text FROM audit_notificationchannel c")
        return str(cursor.fetchall())


def test_the_address_is_encrypted_and_in_no_record(manager: Actor) -> None:
    row = channels.add("Hooks", URL, actor=manager)
    assert NotificationChannel.objects.get().url == URL
    told = in_the_table() + str(list(LedgerEntry.objects.values())) + str(row)
    assert "open-sesame" not in told
    assert "sekrit-token" not in told
    assert (row.schema, row.place) == ("json", "JSON at hooks.example.org")


def test_keys_are_rotated_for_channels_too(manager: Actor) -> None:
    channels.add("Hooks", URL, actor=manager)
    before = in_the_table()
    assert secrets.rotate_keys(actor=manager)["audit.NotificationChannel.url"] == 1
    assert in_the_table() != before
    assert NotificationChannel.objects.get().url == URL


def test_a_change_without_an_address_keeps_it(manager: Actor) -> None:
    row = channels.add("Hooks", URL, actor=manager)
    channels.change(row, actor=manager, name="Night", url="", targets=[TargetFactory()])
    found = NotificationChannel.objects.get()
    assert (found.name, found.url, found.targets.count()) == ("Night", URL, 1)


def test_the_staff_adds_changes_removes_and_tests_none(asker: Actor, manager: Actor) -> None:
    row = channels.add("Hooks", URL, actor=manager)
    with pytest.raises(NotPermitted):
        channels.add("Mine", URL, actor=asker)
    with pytest.raises(NotPermitted):
        channels.change(row, actor=asker, name="Mine")
    with pytest.raises(NotPermitted):
        channels.remove(row, actor=asker)
    with pytest.raises(NotPermitted):
        channels.send_test(row, actor=asker)


def test_a_name_is_taken_once(manager: Actor) -> None:
    channels.add("Hooks", URL, actor=manager)
    with pytest.raises(ChannelNameTaken):
        channels.add("Hooks", URL, actor=manager)


@pytest.mark.parametrize(
    "facts",
    [
        {"url": "nonsense"},
        {"url": ""},
        {"quiet_from": time(22), "quiet_until": None},
        {"quiet_from": time(22), "quiet_until": time(22)},
        {"quiet_zone": "Mars/Olympus"},
        {"minimum_severity": "loud"},
        {"colour": "red"},
        {"name": "  "},
    ],
)
def test_what_makes_no_sense_is_refused(manager: Actor, facts: dict[str, object]) -> None:
    words: dict[str, object] = {"name": "Hooks", "url": URL} | facts
    with pytest.raises(ChannelInvalid):
        channels.add(str(words.pop("name")), str(words.pop("url")), actor=manager, **words)
    assert not NotificationChannel.objects.exists()


def test_a_test_that_works_ends_the_alarm_about_the_channel(channel: NotificationChannel, manager: Actor) -> None:
    mark = outbox.channel_fingerprint(channel)
    alerts.alert(outbox.CANNOT_SEND, fingerprint=mark, title="It failed", actor=manager)
    assert channels.send_test(channel, actor=manager) is None
    channel.refresh_from_db()
    assert channel.tested_at is not None
    assert channel.test_error == ""
    assert Alert.objects.get().resolved_at is not None


def test_a_test_that_fails_says_why(channel: NotificationChannel, hook: Hook, manager: Actor) -> None:
    hook.status = 403
    error = channels.send_test(channel, actor=manager)
    assert error is not None
    channel.refresh_from_db()
    assert "does not allow" in channel.test_error
    assert "sekrit-token" not in channel.test_error


def test_removing_a_channel_forgets_its_address(channel: NotificationChannel, manager: Actor) -> None:
    channels.remove(channel, actor=manager)
    assert "sekrit" not in in_the_table()
    assert LedgerEntry.objects.filter(action="channel.remove").exists()
