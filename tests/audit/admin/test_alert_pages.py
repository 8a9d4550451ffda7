"""Alerts and channels in the admin: acts, evidence with its links, an address that is never shown."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from audit.admin.base import act_url
from audit.models import Alert, Delivery, NotificationChannel
from audit.templatetags.tovgov import page_of
from tests import factories
from tests.audit.admin.test_acts import signed_in
from tests.audit.notifications.places import Hook, webhook
from tests.cast import Cast

pytestmark = pytest.mark.django_db
CHANNELS = "/admin/audit/notificationchannel/"


@pytest.fixture
def hook() -> Iterator[Hook]:
    with webhook() as there:
        yield there


def form(url: str = "", **words: object) -> dict[str, object]:
    facts: dict[str, object] = {"name": "Night", "address": url, "is_active": "on", "minimum_severity": "info"}
    return facts | {"quiet_from": "", "quiet_until": "", "quiet_zone": "UTC", "breaks_quiet": "on"} | words


def test_an_alert_is_silenced_with_a_reason_and_woken(cast: Cast) -> None:
    row, client = factories.AlertFactory(), signed_in(cast.alice)
    url = act_url(Alert, "silence", row.pk)
    client.post(url, {"hours": "4", "reason": ""})
    assert not Alert.objects.get().is_silent()
    client.post(url, {"hours": "4", "reason": "We move house."})
    assert Alert.objects.get().is_silent()
    assert "We move house." in client.get(page_of(row)).content.decode()
    client.post(act_url(Alert, "unsilence", row.pk))
    assert not Alert.objects.get().is_silent()


def test_who_may_only_look_cannot_silence(cast: Cast) -> None:
    row, client = factories.AlertFactory(), signed_in(cast.charlie)
    url = act_url(Alert, "silence", row.pk)
    assert client.post(url, {"hours": "4", "reason": "Quiet!"}).status_code == 403
    assert "Silence" not in client.get(page_of(row)).content.decode()


def test_evidence_leads_to_its_entry_while_there_is_one(cast: Cast) -> None:
    row, entry = factories.AlertFactory(cited=7), factories.DeleteAuditTransactionFactory()
    factories.AlertEvidenceFactory(alert=row, object_id=entry.pk, line="It stands")
    factories.AlertEvidenceFactory(alert=row, object_id=entry.pk + 1, line="It was <b>retired</b>")
    page = signed_in(cast.charlie).get(page_of(row)).content.decode()
    assert f'<a href="{page_of(entry)}">It stands</a>' in page
    assert '<span class="grow">It was &lt;b&gt;retired&lt;/b&gt;</span>' in page
    assert "And 5 more" in page


def test_a_channel_is_added_tested_changed_and_removed(cast: Cast, hook: Hook) -> None:
    client = signed_in(cast.miriam)
    target = factories.TargetFactory()
    client.post(f"{CHANNELS}add/", form(hook.url, targets=[target.pk]))
    channel = NotificationChannel.objects.get()
    assert (channel.url, channel.targets.get()) == (hook.url, target)
    page = client.get(page_of(channel)).content.decode()
    assert "sekrit" not in page
    assert "open-sesame" not in page
    client.post(act_url(NotificationChannel, "test", channel.pk))
    assert hook.titles == ["tovgov: a test"]
    client.post(page_of(channel), form(name="Day", quiet_from="22:00", quiet_until="07:00"))
    changed = NotificationChannel.objects.get()
    assert (changed.name, changed.url, changed.targets.count()) == ("Day", hook.url, 0)
    client.post(act_url(NotificationChannel, "remove", channel.pk))
    assert not NotificationChannel.objects.exists()


def test_a_test_that_fails_says_why_on_its_page(cast: Cast, hook: Hook) -> None:
    client = signed_in(cast.miriam)
    client.post(f"{CHANNELS}add/", form(hook.url))
    hook.status = 404
    channel = NotificationChannel.objects.get()
    answer = client.post(act_url(NotificationChannel, "test", channel.pk))
    told = answer.content.decode() + client.get(page_of(channel)).content.decode()
    assert "nothing at this path" in told
    assert "sekrit" not in told


@pytest.mark.parametrize("words", [{"address": "sekrit-nonsense"}, {"quiet_from": "22:00"}, {"quiet_zone": "Mars"}])
def test_what_makes_no_sense_is_told_and_not_repeated(cast: Cast, hook: Hook, words: dict[str, object]) -> None:
    client = signed_in(cast.miriam)
    answer = client.post(f"{CHANNELS}add/", form(hook.url) | words, follow=True)
    assert answer.status_code == 200
    assert "sekrit" not in answer.content.decode()
    assert not NotificationChannel.objects.exists()


def test_the_staff_sees_channels_and_changes_none(cast: Cast) -> None:
    channel, client = factories.NotificationChannelFactory(), signed_in(cast.alice)
    assert "Apprise" not in client.get(page_of(channel)).content.decode()
    assert client.post(page_of(channel), form(name="Mine")).status_code == 403
    assert client.get(f"{CHANNELS}add/").status_code == 403
    assert client.post(act_url(NotificationChannel, "test", channel.pk)).status_code == 403


def test_a_message_shows_its_state_and_trouble(cast: Cast) -> None:
    row: Delivery = factories.DeliveryFactory()
    page = signed_in(cast.charlie).get(page_of(row)).content.decode()
    assert "There is no such host name." in page
    assert "Waiting" in page
