"""Noise: hidden, never deleted, always counted; nothing critical is ever hidden."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import ledger, noise
from audit.actors import Actor
from audit.exceptions import (
    NoiseHidesCritical,
    NoisePatternWrong,
    NoiseReasonMissing,
    NoiseSettingsWrong,
    NotPermitted,
)
from audit.models import LedgerEntry, LogSettings, LogSeverity, NoiseFilter, ReviewState, ServerLogGroup, Target
from audit.postgres.logs.classes import BY_CODE, EXAMPLES
from tests.factories import ServerLogGroupFactory, TargetFactory

pytestmark = pytest.mark.django_db
CHATTER = "permission denied for table pg_statistic"


@pytest.fixture
def club() -> Target:
    return TargetFactory(name="Club")


def group(target: Target, **facts: Any) -> ServerLogGroup:
    return ServerLogGroupFactory(target=target, **facts)


def hidden() -> set[int]:
    return set(ServerLogGroup.objects.filter(is_noise=True).values_list("pk", flat=True))


# --- what hides ------------------------------------------------------------------------------------------------------


def test_what_is_less_than_high_is_noise_by_itself(club: Target) -> None:
    assert noise.is_noise(club, kind="slow-statement", severity=LogSeverity.LOW, title="duration")
    assert not noise.is_noise(club, kind="failed-password", severity=LogSeverity.HIGH, title="x")


def test_a_filter_hides_what_waits_and_what_comes(club: Target, manager: Actor) -> None:
    chatter, other = group(club, title=CHATTER), group(club)
    noise.add("pg_statistic$", target=club, reason="The monitor asks.", actor=manager)
    assert hidden() == {chatter.pk}
    assert not other.is_noise
    assert noise.is_noise(club, kind="privilege-denied", severity=LogSeverity.HIGH, title=CHATTER)
    assert not noise.is_noise(TargetFactory(), kind="privilege-denied", severity=LogSeverity.HIGH, title=CHATTER)


def test_a_filter_without_a_target_is_for_all(club: Target, manager: Actor) -> None:
    one, two = group(club, title=CHATTER), group(TargetFactory(), title=CHATTER)
    noise.add("pg_statistic", reason="The monitor asks.", actor=manager)
    assert hidden() == {one.pk, two.pk}


def test_a_filter_may_be_of_one_class(club: Target, manager: Actor) -> None:
    one = group(club, kind="failed-password", title="x y")
    group(club, title="x y")
    noise.add("x", kind="failed-password", reason="An old client.", actor=manager)
    assert hidden() == {one.pk}


def test_a_class_alone_may_be_hidden(club: Target, manager: Actor) -> None:
    one = group(club, kind="failed-password", title="x")
    noise.add("", kind="failed-password", reason="A test server.", actor=manager)
    assert hidden() == {one.pk}


def test_nothing_is_deleted_and_all_of_it_is_counted(club: Target, manager: Actor) -> None:
    now = group(club, title=CHATTER, count=40)
    old = group(club, title=CHATTER, count=2, at=now.at - timedelta(days=7))
    row = noise.add("pg_statistic", reason="The monitor asks.", actor=manager)
    assert noise.hidden_count() == noise.hidden_count(club) == noise.Hidden(groups=2, entries=42)
    assert noise.hidden_count(club, since=now.day) == noise.Hidden(groups=1, entries=40)
    assert noise.hidden_count(club, until=old.day) == noise.Hidden(groups=1, entries=2)
    assert noise.hidden_count(TargetFactory()) == noise.Hidden(groups=0, entries=0)
    assert noise.switch(row, on=False, actor=manager) == 2
    assert noise.hidden_count() == noise.Hidden(groups=0, entries=0)
    assert ServerLogGroup.objects.count() == 2


def test_what_a_person_has_judged_stays_as_it_is(club: Target, manager: Actor) -> None:
    group(club, title=CHATTER, state=ReviewState.ACCEPTED)
    noise.add("pg_statistic", reason="The monitor asks.", actor=manager)
    assert hidden() == set()


def test_a_changed_filter_shows_again_what_it_no_longer_finds(club: Target, manager: Actor) -> None:
    one, two = group(club, title="a"), group(club, title="b")
    row = noise.add("^a$", reason="Chatter.", actor=manager)
    assert hidden() == {one.pk}
    noise.change(row, pattern="^b$", target=club, reason="Other chatter.", actor=manager)
    assert hidden() == {two.pk}
    assert noise.apply_again() == 0


def test_two_filters_hide_and_one_is_switched_off(club: Target, manager: Actor) -> None:
    one = group(club, title="a b")
    first = noise.add("^a b$", reason="Chatter.", actor=manager)
    noise.add("^a b", reason="Chatter.", actor=manager)
    assert noise.switch(first, on=False, actor=manager) == 0
    assert hidden() == {one.pk}
    assert noise.switch(first, on=False, actor=manager) == 0
    assert noise.switch(first, on=True, actor=manager) == 0


# --- nothing critical is hidden --------------------------------------------------------------------------------------


def test_a_pattern_that_would_hide_a_critical_class_is_refused(club: Target, manager: Actor) -> None:
    for pattern, kind in ((".*", ""), ("", "drop-database"), ("No space left", ""), ("(?i)drop", "drop-database")):
        with pytest.raises(NoiseHidesCritical) as refused:
            noise.add(pattern, kind=kind, target=club, reason="Too much.", actor=manager)
        assert refused.value.detail["critical"]
    assert not NoiseFilter.objects.exists()


def test_a_pattern_that_finds_a_critical_group_of_the_past_is_refused(club: Target, manager: Actor) -> None:
    group(club, kind="io-error", severity=LogSeverity.CRITICAL, title="could not ululate")
    with pytest.raises(NoiseHidesCritical):
        noise.add("ululate", target=club, reason="Too much.", actor=manager)
    noise.add("ululate", kind="failed-password", target=club, reason="Another class.", actor=manager)


def test_a_filter_is_not_switched_on_again_when_it_would_hide_something_critical(club: Target, manager: Actor) -> None:
    row = noise.add("ululate", reason="Chatter.", actor=manager)
    noise.switch(row, on=False, actor=manager)
    group(club, kind="io-error", severity=LogSeverity.CRITICAL, title="could not ululate")
    with pytest.raises(NoiseHidesCritical):
        noise.switch(row, on=True, actor=manager)
    with pytest.raises(NoiseHidesCritical):
        noise.change(row, pattern="ululat", reason="Chatter.", actor=manager)


@given(st.text(max_size=20))
def test_a_critical_group_is_never_noise(title: str) -> None:
    rules = noise.Rules(minimum=LogSeverity.CRITICAL, filters=(noise._one(".*", ""), noise._one("", "crash")))
    assert not rules.hides("crash", LogSeverity.CRITICAL, title)
    assert rules.hides("failed-password", LogSeverity.HIGH, "x")


def test_every_critical_class_has_examples_that_are_of_it() -> None:
    from tests.audit.postgres.logs.telling import kind

    assert set(EXAMPLES) == set(noise.CRITICAL)
    for code, texts in EXAMPLES.items():
        state = BY_CODE[code].states[0] if BY_CODE[code].states else "XX000" if code == "panic" else ""
        for text in texts:
            levels = ("PANIC",) if code == "panic" else ("LOG", "ERROR")
            assert code in {kind(text, level, sqlstate=state) for level in levels}, text


# --- patterns --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pattern", ["(", "a(?=b)", r"(a)\1", "[", "x" * 501, "((a{1000}){1000}){1000}", "*"])
def test_a_pattern_that_re2_refuses_is_refused(pattern: str, manager: Actor) -> None:
    with pytest.raises(NoisePatternWrong):
        noise.add(pattern, reason="Chatter.", actor=manager)


def test_a_catastrophic_pattern_takes_no_longer(club: Target) -> None:
    group(club, title="a" * 100_000 + "!")
    assert noise.preview("(a+)+$", target=club).groups == 0
    assert noise.preview("(a|aa)+!$", target=club).groups == 1


@given(st.text(max_size=30))
def test_any_text_is_a_pattern_or_a_named_error(text: str) -> None:
    with suppress(NoisePatternWrong):
        noise.compiled(text).search("permission denied")


def test_neither_pattern_nor_class_is_refused(manager: Actor) -> None:
    with pytest.raises(NoisePatternWrong):
        noise.add("", reason="All of it.", actor=manager)
    with pytest.raises(NoisePatternWrong):
        noise.add("x", kind="no-such-class", reason="Chatter.", actor=manager)


def test_a_reason_is_needed(manager: Actor) -> None:
    with pytest.raises(NoiseReasonMissing):
        noise.add("pg_statistic", reason="  ", actor=manager)


# --- preview ---------------------------------------------------------------------------------------------------------


def test_a_preview_counts_and_shows_and_changes_nothing(club: Target) -> None:
    for at in range(noise.SAMPLES + 3):
        group(club, title=CHATTER, count=10, kind="failed-password" if at else "privilege-denied")
    group(club, title=CHATTER, is_noise=True)
    group(TargetFactory(), title=CHATTER)
    group(club, title="another")
    found = noise.preview("pg_statistic", target=club)
    assert (found.looked_at, found.groups, found.shown) == (noise.SAMPLES + 5, noise.SAMPLES + 4, noise.SAMPLES + 3)
    assert found.entries == 10 * (noise.SAMPLES + 3) + 2
    assert found.by_class == {"failed-password": noise.SAMPLES + 2, "privilege-denied": 2}
    assert len(found.samples) == noise.SAMPLES
    assert not found.is_partial
    assert len(hidden()) == 1


def test_a_preview_says_what_speaks_against_it(club: Target) -> None:
    assert "No space left" in noise.preview("space", target=club).critical[0]


# --- the target's own choices ----------------------------------------------------------------------------------------


def test_the_minimum_severity_shows_more_or_less(club: Target, manager: Actor) -> None:
    low = group(club, kind="deadlock", severity=LogSeverity.MEDIUM, is_noise=True)
    high, grave = group(club), group(club, kind="crash", severity=LogSeverity.CRITICAL)
    noise.change_minimum(club, LogSeverity.MEDIUM, actor=manager)
    assert hidden() == set()
    noise.change_minimum(club, LogSeverity.CRITICAL, actor=manager)
    assert hidden() == {low.pk, high.pk}
    assert grave.pk not in hidden()


def test_masking_choices_reach_the_reading(club: Target, manager: Actor) -> None:
    assert noise.masking_of(club).covers(BY_CODE["statement"])
    assert not noise.masking_of(club).covers(BY_CODE["ddl"])
    noise.change_settings(club, actor=manager, minimum_severity=40, keep_values=True, always_mask=["ddl"])
    assert not noise.masking_of(club).covers(BY_CODE["statement"])
    assert noise.masking_of(club).covers(BY_CODE["ddl"])
    noise.change_minimum(club, LogSeverity.LOW, actor=manager)
    assert LogSettings.objects.get().keep_values


@pytest.mark.parametrize("wrong", [{"minimum_severity": 41}, {"minimum_severity": 40, "never_mask": ["nothing"]}])
def test_settings_that_do_not_fit_are_refused(wrong: dict[str, Any], club: Target, manager: Actor) -> None:
    with pytest.raises(NoiseSettingsWrong):
        noise.change_settings(club, actor=manager, **wrong)


# --- who may, and what stands in the ledger --------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["asker", "auditor", "approver"])
def test_only_a_manager_sets_noise(who: str, club: Target, manager: Actor, request: pytest.FixtureRequest) -> None:
    row = noise.add("pg_statistic", reason="The monitor asks.", actor=manager)
    actor = request.getfixturevalue(who)
    for act in (
        lambda: noise.add("x", reason="Chatter.", actor=actor),
        lambda: noise.change(row, pattern="x", reason="Chatter.", actor=actor),
        lambda: noise.switch(row, on=False, actor=actor),
        lambda: noise.change_minimum(club, LogSeverity.LOW, actor=actor),
    ):
        with pytest.raises(NotPermitted):
            act()


def test_each_act_stands_in_the_ledger(club: Target, manager: Actor) -> None:
    group(club, title=CHATTER)
    row = noise.add("pg_statistic", target=club, reason="The monitor asks.", actor=manager)
    noise.change(row, pattern="statistic", target=club, reason="Shorter.", actor=manager)
    noise.switch(row, on=False, actor=manager)
    noise.switch(row, on=True, actor=manager)
    noise.change_minimum(club, LogSeverity.LOW, actor=manager)
    written = LedgerEntry.objects.filter(action__startswith="noise.").order_by("number")
    assert [entry.action for entry in written] == [
        "noise.add", "noise.change", "noise.switch_off", "noise.switch_on", "noise.settings",
    ]  # fmt: skip
    assert {(entry.actor, entry.target) for entry in written} == {("miriam", "Club")}
    assert written[0].detail == {"pattern": "pg_statistic", "kind": "", "of": "Club", "groups": 1, "changed": 1}
    assert written[1].detail["before"]["pattern"] == "pg_statistic"
    assert ledger.verify().is_sound
