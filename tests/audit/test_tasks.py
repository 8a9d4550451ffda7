"""The minute: each act runs, whatever becomes of the others."""

from __future__ import annotations

import pytest

from audit import registry, tasks
from audit.exceptions import TargetUnreachable
from tests.factories import TargetFactory
from tovgov.embedded import free_port

pytestmark = pytest.mark.django_db


def test_an_act_that_fails_does_not_keep_the_next_from_running(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ran: list[str] = []

    def fails() -> None:
        raise TargetUnreachable("nobody there")

    monkeypatch.setattr(registry, "ticks", [fails, lambda: ran.append("second")])
    tasks.tick()
    assert ran == ["second"]
    assert "target.unreachable: nobody there" in caplog.text


def test_a_bug_propagates_after_the_others_have_run(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    monkeypatch.setattr(registry, "ticks", [lambda: [].pop(), lambda: ran.append("second")])
    with pytest.raises(IndexError):
        tasks.tick()
    assert ran == ["second"]


def test_every_minute_the_targets_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "ticks", [])
    target = TargetFactory(host="127.0.0.1", port=free_port())
    tasks.tick()
    target.refresh_from_db()
    assert target.check_error_code == "target.unreachable"


def test_an_act_is_registered_once() -> None:
    def act() -> None: ...

    before = list(registry.ticks)
    registry.every_minute(act)
    registry.every_minute(act)
    assert registry.ticks == [*before, act]
    registry.ticks.remove(act)


def test_what_backups_does_every_minute_is_registered() -> None:
    names = {f"{act.__module__}.{act.__name__}" for act in registry.ticks}
    assert {"backups.schedules.start_due", "backups.retention.start_due", "backups.alarms.check"} <= names
