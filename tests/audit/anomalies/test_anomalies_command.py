"""``manage.py anomalies``."""

from __future__ import annotations

import re

import pytest
from django.core.management import call_command

from audit.anomalies.rules import ALL
from audit.models import AnomalyFiring, Target
from tests import factories
from tests.audit.anomalies.worlds import deletes
from tests.audit.test_reviews_command import run
from tests.cast import Cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def target() -> Target:
    made: Target = factories.TargetFactory(name="Club")
    return made


def test_list_try_set_and_run(cast: Cast, target: Target, capsys: pytest.CaptureFixture[str]) -> None:
    deletes(target, 0, 120)
    rules = run(capsys, "anomalies", "list", "Club")
    assert [rule["rule"] for rule in rules] == [rule.code for rule in ALL]
    words = ("anomalies", "dry-run", "Club", "delete-burst")
    assert run(capsys, *words, "--as", "alice")["times"] == 0
    tried = run(capsys, *words, "least=100", "--days", "3", "--as", "alice")
    assert (tried["times"], tried["found"][0]["weight"]) == (1, 120)
    assert run(capsys, "anomalies", "run", "Club") == []
    words = ("anomalies", "set", "Club", "delete-burst", "least=100", "--severity", "info", "--no-incident")
    changed = run(capsys, *words, "--as", "miriam")
    assert (changed["least"], changed["severity"], changed["opens_incident"]) == (100, "info", False)
    deletes(target, 5, 130)
    (found,) = run(capsys, "anomalies", "run", "Club")
    assert (found["rule"], found["weight"]) == ("delete-burst", 250)
    assert run(capsys, "anomalies", "run") == []
    assert AnomalyFiring.objects.count() == 1
    assert not run(capsys, "anomalies", "set", "Club", "delete-burst", "--off", "--as", "miriam")["is_active"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("set", "Club", "no-such-rule"), "anomaly.unknown_rule"),
        (("set", "Club", "delete-burst", "least=0"), "anomaly.setting_invalid"),
        (("set", "Club", "delete-burst", "colour=red"), "anomaly.setting_invalid"),
        (("set", "Club", "delete-burst", "least"), "anomaly.setting_invalid"),
        (("set", "Club", "off-hours", "zone=Mars"), "anomaly.setting_invalid"),
        (("set", "Club", "off-hours", "opens=25:00"), "anomaly.setting_invalid"),
        (("set", "Club", "off-hours", "days=8"), "anomaly.setting_invalid"),
        (("set", "Club", "off-hours", "connections=perhaps"), "anomaly.setting_invalid"),
        (("dry-run", "Club", "delete-burst", "--days", "0"), "anomaly.setting_invalid"),
        (("list", "Nowhere"), "target.unknown"),
    ],
)
def test_strange_words_are_refused(
    cast: Cast, target: Target, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: str
) -> None:
    assert run(capsys, "anomalies", *words, "--as", "miriam", status=2)["error"]["code"] == code


def test_who_may_not_is_refused(cast: Cast, target: Target, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("anomalies", "set", "Club", "delete-burst", "--off", "--as", "alice")
    assert run(capsys, *words, status=3)["error"]["code"] == "actor.not_permitted"
    words = ("anomalies", "dry-run", "Club", "delete-burst", "--as", "charlie")
    assert run(capsys, *words, status=3)["error"]["code"] == "actor.not_permitted"


def test_a_dry_run_counts_in_words(cast: Cast, target: Target, capsys: pytest.CaptureFixture[str]) -> None:
    deletes(target, 0, 120)
    words = ("anomalies", "dry-run", "Club", "delete-burst", "least=100", "--days", "3", "--as", "alice")
    call_command(*words)
    assert "would have fired 1 time\n" in re.sub(r" +\n", "\n", capsys.readouterr().out)
