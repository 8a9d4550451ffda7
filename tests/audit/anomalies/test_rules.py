"""Each rule: it fires on the real thing, not just below it, once, and cites its entries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from audit import registry
from audit.anomalies.rules import ALL, RULES
from audit.models import Alert, AnomalyFiring, Target
from tests import factories
from tests.audit.anomalies.worlds import NOON, alerts_of, at, deletes, firings, logged, login, look, only

pytestmark = pytest.mark.django_db


@pytest.fixture
def target() -> Target:
    made: Target = factories.TargetFactory(name="Club")
    return made


Past = Callable[[Target], None]


@dataclass
class Case:
    """What a rule is about, and what is just no case of it."""

    code: str
    fires: Past
    not_yet: Past
    key: str
    count: int
    settings: dict[str, Any] = field(default_factory=dict)


def each(act: Callable[[Target, int], Any], number: int) -> Past:
    """Do it so often, a minute apart."""

    def past(target: Target) -> None:
        for minute in range(number):
            act(target, minute)

    return past


def both(*acts: Past) -> Past:
    def past(target: Target) -> None:
        for act in acts:
            act(target)

    return past


def window(target: Target) -> None:
    """A maintenance window around noon."""
    row = factories.MaintenanceWindowFactory(target=target)
    type(row).objects.filter(pk=row.pk).update(opened_at=at(-10), closes_at=at(50))


def group(word: str, **facts: Any) -> Past:
    def past(target: Target) -> None:
        factories.ConnectionGroupFactory(target=target, at=at(-60 * 24 * 10), new=[])
        made = factories.ConnectionGroupFactory(target=target, at=at(0), new=[word], **facts)
        factories.ConnectionAuditLogFactory(target=target, at=at(0), of_group=made)

    return past


def refused(target: Target, minute: int) -> None:
    login(target, minute / 4, outcome="failed password", client_address="203.0.113.9", role=f"role{minute}")


def from_elsewhere(target: Target, minute: int) -> None:
    login(target, minute, client_address=f"198.51.100.{minute}", role="tovplay_app")


def of_table(target: Target, minute: int) -> None:
    deletes(target, minute, 10, tables={f"public.t{minute}": 10})


def counted(certain: bool, surplus: int = 7) -> Past:
    def past(target: Target) -> None:
        factories.DeleteCountFactory(target=target, surplus=surplus, is_certain=certain, since=at(0), at=at(5))

    return past


def entry(kind: str, **facts: Any) -> Past:
    return lambda target: logged(target, 0, kind, **facts)


NOTHING_GRAVE = entry("ddl", query="CREATE TABLE t ()")
EMPTYING = 'DELETE FROM "GameRequest";'
CASES = [
    Case("delete-burst", each(lambda t, m: deletes(t, m, 250), 4), each(lambda t, m: deletes(t, m, 249), 4),
         "tovplay_admin", 4),
    Case("delete-burst", each(lambda t, m: deletes(t, m * 5, 500), 3), each(lambda t, m: deletes(t, m * 11, 999), 3),
         "tovplay_admin", 3),
    Case("whole-table-delete", lambda t: deletes(t, 0, 91, query="DELETE FROM x WHERE a < 5"),
         lambda t: deletes(t, 0, 89, query="DELETE FROM x WHERE a < 5"), "public.GameRequest", 1),
    Case("whole-table-delete", lambda t: deletes(t, 0, 10, query=EMPTYING), lambda t: deletes(t, 0, 9, query=EMPTYING),
         "public.GameRequest", 1),
    Case("mass-drops", each(lambda t, m: logged(t, m), 5),
         both(each(lambda t, m: logged(t, m), 4), lambda t: logged(t, 30)), "tovplay_admin", 5),
    Case("mass-drops", each(lambda t, m: logged(t, m), 9), both(window, each(lambda t, m: logged(t, m), 9)),
         "tovplay_admin", 9),
    Case("mass-deletes", each(of_table, 5), each(of_table, 4), "tovplay_admin", 5),
    Case("mass-deletes", each(of_table, 6), both(window, each(of_table, 6)), "tovplay_admin", 6),
    Case("surplus", counted(True), counted(False), "public.GameRequest", 1),
    Case("surplus-possible", counted(False), counted(False, 0), "public.GameRequest", 1),
    Case("drop-attempts", entry("truncate"), both(window, entry("truncate")), "tovplay_admin", 1),
    Case("drop-attempts", entry("privilege-denied", query="DROP TABLE x"),
         entry("privilege-denied", query="SELECT drop FROM x"), "tovplay_admin", 1),
    Case("unknown-database", lambda t: login(t, 0, outcome="unknown database", database="tovplay"),
         lambda t: login(t, 0, database="TovPlay"), "tovplay", 1),
    Case("off-hours", lambda t: deletes(t, 8 * 60, 3), lambda t: deletes(t, 8 * 60 - 1, 3), "tovplay_admin", 1,
         {"days": "1,2,3,4,5,6,7"}),
    Case("off-hours", lambda t: deletes(t, 6 * 60, 3), lambda t: deletes(t, 6 * 60, 3, role="cleaner"),
         "tovplay_admin", 1, {"zone": "Asia/Jerusalem", "days": "1,2,3,4,5,6,7", "roles": "cleaner, other"}),
    Case("off-hours", lambda t: login(t, 9 * 60, role="dana"), lambda t: login(t, 0, role="dana"), "dana", 1,
         {"connections": True, "days": "1,2,3,4,5,6,7"}),
    Case("failed-logins", each(refused, 10), each(refused, 9), "203.0.113.9", 10),
    Case("many-addresses", each(from_elsewhere, 5), each(from_elsewhere, 4), "tovplay_app", 5),
    Case("new-address", group("address", client_address="203.0.113.9"), group("role"), "203.0.113.9", 1),
    Case("new-role", group("role", role="stray"), group("role", outcome="failed password"), "stray", 1),
    Case("new-application", group("application", application_name="pg_dump"), group("hour"), "pg_dump", 1),
    Case("rights-granted", entry("role-changed"), NOTHING_GRAVE, "tovplay_admin", 1),
    Case("settings-changed", entry("config-reload"), NOTHING_GRAVE, "the server", 1),
    Case("crash", entry("crash"), NOTHING_GRAVE, "crash", 1),
    Case("restart", entry("shutdown"), NOTHING_GRAVE, "the server", 1),
]  # fmt: skip
NAMES = [f"{case.code}-{number}" for number, case in enumerate(CASES)]


@pytest.fixture(autouse=True)
def counted_table(monkeypatch: pytest.MonkeyPatch, target: Target) -> None:
    """The table had a hundred rows a week ago, and five before."""
    known = [("public.GameRequest", 5, at(-60 * 24 * 9)), ("public.GameRequest", 100, at(-60 * 24 * 6))]
    monkeypatch.setattr(registry, "table_counts", [lambda of: known])


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_it_fires_once_and_cites_its_entries(case: Case, target: Target) -> None:
    only(target, case.code, **case.settings)
    case.fires(target)
    (firing,) = look(target)
    assert (firing.rule, firing.key, firing.count) == (case.code, case.key, case.count)
    (alert,) = alerts_of(case.code)
    assert (alert.times, alert.cited, alert.target) == (1, case.count, target)
    assert alert.severity == RULES[case.code].severity
    assert (alert.incident is not None) == RULES[case.code].opens_incident
    cited = alert.evidence.count()
    assert cited == case.count
    assert all(one.line and abs(one.at - NOON) < timedelta(days=1) for one in alert.evidence.all())
    assert "Club" in alert.title
    assert look(target) == []
    assert look(target) == []
    (alert,) = alerts_of(case.code)
    assert alert.times == 1


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_it_does_not_fire_just_below(case: Case, target: Target) -> None:
    only(target, case.code, **case.settings)
    case.not_yet(target)
    assert look(target) == []
    assert not Alert.objects.exists()
    assert firings() == []


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_another_target_is_not_meant(case: Case, target: Target) -> None:
    only(target, case.code, **case.settings)
    other: Target = factories.TargetFactory()
    case.fires(other)
    assert look(target) == []


def test_every_rule_has_a_case() -> None:
    assert {case.code for case in CASES} | {"silence"} == {rule.code for rule in ALL}


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.code)
def test_every_rule_says_what_it_means_and_what_to_do(rule: Any) -> None:
    assert len(rule.code) <= 30
    assert rule.means.endswith(".")
    assert rule.todo.endswith((".", "?"))
    assert len({setting.name for setting in rule.settings}) == len(rule.settings)
    for setting in rule.settings:
        assert setting.read(setting.default) == setting.default


# --- silence ---------------------------------------------------------------------------------------------------------


def spoke(target: Target, source: Any, *minutes: float) -> None:
    for minute in minutes:
        factories.ServerLogEntryFactory(
            target=target, kind="checkpoint", source_id=source.pk, at=timezone.now() - timedelta(minutes=minute)
        )
    heard = timezone.now() - timedelta(minutes=min(minutes))
    type(source).objects.filter(pk=source.pk).update(heard_at=heard)


@pytest.mark.parametrize(("silent", "fires"), [(33, True), (28, False)])
def test_a_source_that_used_to_speak_is_silent(target: Target, silent: int, fires: bool) -> None:
    only(target, "silence")
    source = factories.ImportSourceFactory(target=target, kind="folder")
    spoke(target, source, *range(silent, silent + 200, 5))
    assert [firing.key for firing in look(target)] == ([str(source.pk)] if fires else [])
    assert look(target) == [], "it is told once"


def test_a_source_that_speaks_seldom_is_given_more_time(target: Target) -> None:
    only(target, "silence")
    source = factories.ImportSourceFactory(target=target, kind="folder")
    spoke(target, source, *range(100, 700, 20))
    assert look(target) == [], "six times twenty minutes are not over"


def test_a_source_without_a_rhythm_is_never_silent(target: Target) -> None:
    only(target, "silence")
    source = factories.ImportSourceFactory(target=target, kind="folder")
    spoke(target, source, 600, 601, 602)
    assert look(target) == []


def test_silence_is_over_when_it_speaks_again(target: Target) -> None:
    from audit.anomalies import run

    only(target, "silence")
    source = factories.ImportSourceFactory(target=target, kind="folder")
    spoke(target, source, *range(40, 240, 5))
    look(target)
    run.resolve_over(now=timezone.now() + timedelta(days=2))
    assert alerts_of("silence")[0].is_open
    spoke(target, source, 0)
    run.resolve_over()
    assert not alerts_of("silence")[0].is_open
    assert AnomalyFiring.objects.count() == 1
