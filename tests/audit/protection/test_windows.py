"""Maintenance windows: what goes through, what closes them; and protection on the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from audit.actors import Actor
from audit.exceptions import (
    ExitStatus,
    WindowClosed,
    WindowInvalid,
    WindowOpen,
)
from audit.models import (
    Alert,
    MaintenanceWindow,
    Target,
)
from audit.postgres.connect import ConnInfo
from audit.protection import drift, install, policies, verify, windows
from audit.protection.rule import Status
from tests.audit.protection.conftest import WHY, put_on, take_off
from tests.audit.protection.steps import attempt
from tests.conftest import MakeRole
from tovgov.embedded import Cluster

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unqueued")]


# --- windows ---------------------------------------------------------------------------------------------------------


MIGRATION = (
    "ALTER TABLE shop.customer ADD COLUMN age int",
    "CREATE TABLE shop.badge (id int PRIMARY KEY)",
    "DROP TABLE public.note",
)


def test_a_window_lets_a_migration_through_and_locks_again(target: Target, info: ConnInfo, manager: Actor) -> None:
    put_on(target, "lockdown", manager)
    try:
        assert attempt(info, MIGRATION[0]) is not None
        rules = ["ddl_guard", "ownership", "drop_database_lock"]
        row = windows.open_window(target, minutes=5, rules=rules, reason=WHY, actor=manager)
        with pytest.raises(WindowOpen):
            windows.open_window(target, minutes=5, rules=rules, reason=WHY, actor=manager)
        with pytest.raises(WindowOpen):
            install.request(target, policies.find("lockdown"), actor=manager, reason=WHY)
        drift.watch()
        assert not Alert.objects.filter(kind=drift.ALERT).exists(), "what a window relaxes is no drift"
        assert attempt(info, *MIGRATION) is None
        assert attempt(info, "DROP FUNCTION tovgov.refuse(text, text)") is not None, "the guards themselves stay"
        assert attempt(info, "TRUNCATE shop.day") is not None, "a rule that was not named stays"
        windows.close(row, actor=manager)
        assert [entry["tag"] for entry in row.ddl].count("DROP TABLE") == 1
        assert any("shop.badge" in entry["object"] for entry in row.ddl)
        assert {f.status for f in verify.verify(target, actor=manager)} == {Status.INSTALLED}
        assert attempt(info, "ALTER TABLE shop.badge ADD COLUMN b int") is not None
        with pytest.raises(WindowClosed):
            windows.close(row, actor=manager)
    finally:
        take_off(target, manager, may_lose_rows=True)


def test_a_window_gives_grants_back_for_its_time(
    target: Target, info: ConnInfo, cluster: Cluster, roles: MakeRole, manager: Actor
) -> None:
    app = roles(cluster).to(info.database)
    for owner in ("ownership", "protection_status"):
        act = (f'GRANT ALL ON SCHEMA shop TO "{app.user}"', f'GRANT ALL ON ALL TABLES IN SCHEMA shop TO "{app.user}"')
        assert attempt(info, *act) is None
        rules = [{"rule": owner}, {"rule": "grants_lockdown", "settings": {"roles": {app.user: {}}}}]
        policies.edit("shop grants", rules, actor=manager)
        put_on(target, "shop grants", manager)
        try:
            assert attempt(app, "TRUNCATE shop.day") is not None
            named = [owner, "grants_lockdown"] if owner == "ownership" else ["grants_lockdown"]
            row = windows.open_window(target, minutes=5, rules=named, reason=WHY, actor=manager)
            assert attempt(app, "TRUNCATE shop.day", "CREATE TABLE shop.passing (a int)") is None
            assert attempt(app, "DROP TABLE shop.passing") is None
            windows.close(row, actor=manager)
            assert attempt(app, "TRUNCATE shop.day") is not None
            assert {f.status for f in verify.verify(target, actor=manager)} == {Status.INSTALLED}
        finally:
            take_off(target, manager)
        assert attempt(app, "TRUNCATE shop.day") is None


def test_a_window_closes_by_time_alone_and_is_locked_when_a_worker_comes_back(
    target: Target, info: ConnInfo, manager: Actor
) -> None:
    put_on(target, "standard", manager)
    windows.open_window(target, minutes=1, rules=["ddl_guard", "drop_database_lock"], reason=WHY, actor=manager)
    later = "UPDATE tovgov.maintenance_window SET opened_at = opened_at - '2 min'::interval, closes_at = now()"
    attempt(info, later)
    assert attempt(info, "DROP TABLE public.note") is not None, "no worker was needed"
    past = timezone.now() - timezone.timedelta(seconds=1)
    MaintenanceWindow.objects.update(opened_at=past - timezone.timedelta(minutes=1), closes_at=past)
    windows.relock_due()
    assert MaintenanceWindow.objects.get().relocked_at is not None
    assert {f.status for f in verify.verify(target, actor=manager)} == {Status.INSTALLED}


@pytest.mark.parametrize(
    ("minutes", "rules", "error"),
    [(0, ["ddl_guard"], WindowInvalid), (481, ["ddl_guard"], WindowInvalid), (5, [], WindowInvalid),
     (5, ["tovgov"], WindowInvalid), (5, ["ownership"], WindowInvalid)],
)  # fmt: skip
def test_what_is_no_window(target: Target, manager: Actor, minutes: int, rules: list[str], error: Any) -> None:
    put_on(target, "standard", manager)
    with pytest.raises(error):
        windows.open_window(target, minutes=minutes, rules=rules, reason=WHY, actor=manager)


# --- the command line ------------------------------------------------------------------------------------------------


Call = Callable[..., tuple[int, Any]]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.setenv("TOVGOV_USER", "miriam")

    def run(*words: str) -> tuple[int, Any]:
        status = 0
        try:
            call_command(*words[:2], *words[2:])
        except SystemExit as end:
            status = int(end.code or 0)
        out = capsys.readouterr().out
        return status, json.JSONDecoder().raw_decode(out)[0] if out.startswith(("{", "[")) else out

    return run


def test_protection_on_the_command_line(
    target: Target, info: ConnInfo, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, rows = call("protection", "policies", "--json")
    assert {row["name"] for row in rows} >= {"watch only", "standard", "lockdown"}
    monkeypatch.setattr(sys, "stdin", StringIO('[{"rule": "delete_audit"}, {"rule": "ddl_guard"}]'))
    assert call("protection", "edit", "standard", "--json")[1]["version"] == 2
    status, made = call("protection", "plan", target.name, "standard", "--json")
    assert made["steps"]
    assert "Not promised" in call("protection", "plan", target.name, "standard:1")[1]
    words = ("protection", "install", target.name, "standard", "--reason", WHY, "--fingerprint", made["fingerprint"])
    assert call(*words, "--json")[1]["state"] == "succeeded"
    assert call("protection", "verify", target.name, "--json")[0] == ExitStatus.OK
    attempt(info, "ALTER EVENT TRIGGER tovgov_guard_drop DISABLE")
    status, found = call("protection", "verify", target.name, "--json")
    assert (status, found["rules"]["ddl_guard"]) == (ExitStatus.PROOF_FAILED, "ALTERED")
    assert call("protection", "verify", "nobody")[0] == ExitStatus.USAGE
    assert call("protection", "uninstall", target.name, "--reason", WHY, "--json")[1]["state"] == "succeeded"
    assert call("protection", "verify", target.name)[0] == ExitStatus.REFUSED


def test_a_window_on_the_command_line(target: Target, info: ConnInfo, manager: Actor, call: Call) -> None:
    put_on(target, "standard", manager)
    words = ["window", "open", target.name, "--minutes", "5", "--rules", "ddl_guard", "--reason", WHY]
    assert call(*words, "--", sys.executable, "-c", "pass")[0] == ExitStatus.OK
    assert call(*words, "--", sys.executable, "-c", "raise SystemExit(7)")[0] == ExitStatus.FAILED
    assert not MaintenanceWindow.objects.filter(relocked_at=None).exists(), "it is closed however the command ends"
    assert call(*words)[0] == ExitStatus.OK
    assert attempt(info, "DROP TABLE public.note") is None
    assert call("window", "close", target.name)[0] == ExitStatus.OK
    assert call("window", "close", target.name)[0] == ExitStatus.REFUSED
    assert len(call("window", "list", "--json")[1]) == 3
