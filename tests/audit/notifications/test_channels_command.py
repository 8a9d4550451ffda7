"""``manage.py channels``."""

from __future__ import annotations

import pytest

from audit.models import NotificationChannel
from tests.audit.notifications.places import Hook
from tests.audit.test_reviews_command import run
from tests.cast import Cast
from tests.factories import TargetFactory

pytestmark = pytest.mark.django_db


def test_add_list_test_and_remove(
    cast: Cast, hook: Hook, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADDRESS_OF_NIGHT", hook.url)
    TargetFactory(name="Club")
    words = ("--address-env", "ADDRESS_OF_NIGHT", "--severity", "critical", "--target", "Club")
    words += ("--quiet", "22:00-07:00", "--zone", "Asia/Jerusalem", "--as", "miriam")
    added = run(capsys, "channels", "add", "Night", *words)
    assert (added["targets"], added["quiet_from"], added["place"]) == (["Club"], "22:00:00", "JSON at 127.0.0.1")
    assert NotificationChannel.objects.get().url == hook.url
    assert "sekrit" not in str(run(capsys, "channels", "list"))
    assert run(capsys, "channels", "test", "Night", "--as", "miriam")["test_error"] == ""
    assert hook.titles == ["tovgov: a test"]
    hook.status = 401
    told = run(capsys, "channels", "test", "Night", "--as", "miriam", status=4)
    assert told["error"]["code"] == "channel.not_sent"
    assert run(capsys, "channels", "remove", "Night", "--as", "miriam") == {"removed": "Night"}
    assert run(capsys, "channels", "list") == []


def test_strange_words_are_refused(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    told = run(capsys, "channels", "add", "Night", "--quiet", "at night", "--as", "miriam", status=2)
    assert told["error"]["code"] == "channel.invalid"
    assert run(capsys, "channels", "test", "Nobody", "--as", "miriam", status=2)["error"]["code"] == "channel.unknown"
