"""Noise filters in the admin: looked ahead, saved, switched off; the target's own choices."""

from __future__ import annotations

import pytest

from audit import noise
from audit.admin.base import act_url
from audit.models import LogSettings, LogSeverity, NoiseFilter, ServerLogGroup
from tests.audit.admin.test_acts import signed_in
from tests.cast import Cast
from tests.factories import ServerLogGroupFactory, TargetFactory

pytestmark = pytest.mark.django_db
LIST = "/admin/audit/noisefilter/"
ADD = f"{LIST}add/"
ASKED = {"pattern": "table members", "kind": "", "target": "", "reason": "The monitor asks."}


def test_a_manager_looks_ahead_and_saves(cast: Cast) -> None:
    row = ServerLogGroupFactory(title="permission denied for table members <b>", count=7)
    client = signed_in(cast.miriam)
    assert "Name a pattern" in client.get(ADD).content.decode()
    seen = client.post(ADD, ASKED | {"preview": "1", "reason": ""}).content.decode()
    assert "1 of the 1 group, 7 entries; 1 group is shown now." in seen
    assert "table members &lt;b&gt;" in seen
    assert not NoiseFilter.objects.exists()
    saved = client.post(ADD, ASKED, follow=True)
    assert saved.status_code == 200
    assert "The monitor asks." in saved.content.decode()
    row.refresh_from_db()
    assert row.is_noise
    assert "table members" in client.get(LIST).content.decode()


def test_the_piece_that_the_script_asks_for(cast: Cast) -> None:
    ServerLogGroupFactory()
    client = signed_in(cast.miriam)
    piece = client.get(f"{LIST}preview/", {"pattern": "members", "kind": "", "target": ""}).content.decode()
    assert "1 of the 1 group" in piece
    assert "<html" not in piece
    assert "cannot be used" in client.get(f"{LIST}preview/", {"pattern": "("}).content.decode()
    assert "It will be refused" in client.get(f"{LIST}preview/", {"pattern": "space left"}).content.decode()


def test_what_would_hide_something_critical_is_refused_with_a_hint(cast: Cast) -> None:
    answer = signed_in(cast.miriam).post(ADD, ASKED | {"pattern": ".*"})
    assert answer.status_code == 409
    assert "noise.hides_critical" in answer.content.decode()


def test_a_filter_is_changed_and_switched(cast: Cast) -> None:
    row = noise.add("members", reason="Chatter.", actor=cast.actor("miriam"))
    group = ServerLogGroupFactory(title="a title")
    client = signed_in(cast.miriam)
    edit = f"{LIST}{row.pk}/edit/"
    assert "Chatter." in client.get(edit).content.decode()
    client.post(edit, ASKED | {"pattern": "a title"})
    assert ServerLogGroup.objects.get(pk=group.pk).is_noise
    client.post(act_url(NoiseFilter, "off", row.pk))
    assert not ServerLogGroup.objects.get(pk=group.pk).is_noise
    client.post(act_url(NoiseFilter, "on", row.pk))
    assert NoiseFilter.objects.get().is_active
    assert client.get(f"{LIST}424242/edit/").status_code == 404


@pytest.mark.parametrize("name", ["alice", "bob", "charlie"])
def test_others_look_and_change_nothing(cast: Cast, name: str) -> None:
    row = noise.add("members", reason="Chatter.", actor=cast.actor("miriam"))
    client = signed_in(getattr(cast, name))
    page = client.get(f"{LIST}{row.pk}/change/")
    assert page.status_code == 200
    assert "/edit/" not in page.content.decode()
    for url in (ADD, f"{LIST}{row.pk}/edit/"):
        assert client.post(url, ASKED).status_code == 403
    assert client.get(f"{LIST}preview/").status_code == 403
    assert client.post(act_url(NoiseFilter, "off", row.pk)).status_code == 403
    assert client.post("/admin/audit/logsettings/add/", {}).status_code == 403


def test_a_target_gets_its_own_choices(cast: Cast) -> None:
    target = TargetFactory()
    client = signed_in(cast.miriam)
    sent = {"target": target.pk, "minimum_severity": 20, "keep_values": "on", "always_mask": ["ddl", "drop"]}
    answer = client.post("/admin/audit/logsettings/add/", sent, follow=True)
    assert answer.status_code == 200
    made = LogSettings.objects.get()
    assert (made.minimum_severity, made.keep_values, made.always_mask) == (LogSeverity.LOW, True, ["ddl", "drop"])
    client.post(f"/admin/audit/logsettings/{made.pk}/change/", {"minimum_severity": 40})
    made.refresh_from_db()
    assert (made.minimum_severity, made.keep_values, made.always_mask) == (LogSeverity.HIGH, False, [])
    assert client.get("/admin/audit/logsettings/").status_code == 200
