"""The rules of retention: examples a person can check by hand, and properties that hold for any history."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backups.retention_rules import DAMAGED_DAYS, FALL, FALL_DAYS, Facts, Rules, decide

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOTHING = Rules(keep_last=1, keep_daily=0, keep_weekly=0, keep_monthly=0, keep_yearly=0)


def aged(number: int, **facts: Any) -> Facts:
    """A backup; ``days`` or ``hours`` say its age."""
    age = timedelta(days=facts.pop("days", 0), hours=facts.pop("hours", 0))
    return Facts(**{"id": number, "at": NOW - age, "bytes": 100, "is_proved": True} | facts)


def kept(rules: Rules, *backups: Facts) -> list[int]:
    return sorted(number for number, verdict in decide(rules, backups, NOW).items() if verdict.keep)


def why(rules: Rules, number: int, *backups: Facts) -> str:
    return decide(rules, backups, NOW)[number].why


def test_the_last_n_stay() -> None:
    history = [aged(n, days=n) for n in range(1, 10)]
    assert kept(replace(NOTHING, keep_last=3), *history) == [1, 2, 3]
    assert why(replace(NOTHING, keep_last=3), 3, *history) == "number 3 of the last 3"
    assert why(replace(NOTHING, keep_last=3), 4, *history) == "no rule keeps it"


def test_of_each_day_the_newest_stays() -> None:
    history = [aged(n, hours=6 * n) for n in range(1, 17)]
    assert kept(replace(NOTHING, keep_daily=3), *history) == [1, 3, 7]


def test_days_without_a_backup_do_not_count() -> None:
    assert kept(replace(NOTHING, keep_daily=2), aged(1, days=1), aged(2, days=40), aged(3, days=41)) == [1, 2]


def test_a_day_is_one_of_the_policys_time_zone() -> None:
    evening = Facts(1, datetime(2026, 11, 18, 22, tzinfo=UTC))
    midnight = Facts(2, datetime(2026, 11, 18, 23, 30, tzinfo=UTC))
    morning = Facts(3, datetime(2026, 11, 19, 5, tzinfo=UTC))
    daily = replace(NOTHING, keep_daily=5)
    assert kept(daily, evening, midnight, morning) == [2, 3]
    assert kept(replace(daily, timezone="Europe/Berlin"), evening, midnight, morning) == [1, 3]


def test_weeks_begin_on_monday() -> None:
    sunday, monday = (Facts(n, datetime(2026, 11, n, 3, tzinfo=UTC)) for n in (15, 16))
    assert kept(replace(NOTHING, keep_weekly=2), sunday, monday) == [15, 16]
    assert "of week 2026-W46" in why(replace(NOTHING, keep_weekly=2), 15, sunday, monday)


def test_the_turn_of_the_year_belongs_to_one_week() -> None:
    old, new = Facts(1, datetime(2026, 12, 31, tzinfo=UTC)), Facts(2, datetime(2027, 1, 1, tzinfo=UTC))
    assert kept(replace(NOTHING, keep_weekly=2), old, new) == [2]
    assert kept(replace(NOTHING, keep_yearly=2), old, new) == [1, 2]


def test_months_and_years_keep_their_newest() -> None:
    history = [aged(n, days=30 * n) for n in range(1, 30)]
    assert kept(replace(NOTHING, keep_monthly=3), *history) == [1, 2, 3]
    assert len(kept(replace(NOTHING, keep_yearly=2), *history)) == 2


def test_of_a_day_the_proved_one_stays_before_a_newer_unproved_one() -> None:
    history = [aged(1, hours=1), aged(2, days=1, hours=1, is_proved=False), aged(3, days=1, hours=5)]
    assert kept(replace(NOTHING, keep_daily=2), *history) == [1, 3]


def test_the_newest_proved_one_is_never_removed() -> None:
    history = [aged(1, days=1, is_proved=False), aged(2, days=400), aged(3, days=401)]
    strict = replace(NOTHING, max_age_days=10, max_bytes=1)
    assert kept(strict, *history) == [1, 2]
    assert why(strict, 2, *history) == "the newest proved one"


def test_a_held_one_is_never_removed() -> None:
    history = [aged(1, days=1), aged(2, days=900, held_why="the audit of June")]
    assert kept(replace(NOTHING, max_age_days=10, max_bytes=1), *history) == [1, 2]
    assert why(NOTHING, 2, *history) == "held: the audit of June"


def test_one_in_use_is_not_removed() -> None:
    assert kept(NOTHING, aged(1), aged(2, days=99, used_why="a restore reads it")) == [1, 2]


def test_a_damaged_one_counts_for_no_rule_and_stays_as_evidence_for_a_while() -> None:
    fresh, old = aged(1, days=1, is_damaged=True), aged(2, days=DAMAGED_DAYS + 1, is_damaged=True)
    good = [aged(3, days=2), aged(4, days=3)]
    assert kept(replace(NOTHING, keep_last=2), fresh, old, *good) == [1, 3, 4]
    assert why(NOTHING, 1, fresh, *good).startswith("damaged")


def test_backups_of_an_emptied_database_do_not_push_out_the_last_full_one() -> None:
    full, emptied = aged(1, hours=60, rows=542), [aged(n, hours=n, rows=0) for n in range(2, 12)]
    assert 1 in kept(NOTHING, full, *emptied)
    assert why(NOTHING, 1, full, *emptied) == "the last one before the rows fell from 542 to 0"
    assert kept(NOTHING, full, *[replace(b, rows=400) for b in emptied]) == [2]
    assert kept(NOTHING, full, *emptied, aged(12, hours=1, rows=542)) == [12], "it was recovered"


def test_a_database_that_is_emptied_bit_by_bit_is_noticed_too() -> None:
    assert kept(NOTHING, aged(1, hours=3, rows=850), aged(2, hours=2, rows=600), aged(3, rows=400)) == [1, 3]


def test_the_last_full_one_is_not_kept_for_ever() -> None:
    assert kept(NOTHING, aged(1, days=FALL_DAYS + 1, rows=542), aged(2, rows=0)) == [2]


def test_older_than_the_greatest_age_goes_whatever_a_rule_says() -> None:
    history = [aged(1, days=1), aged(2, days=9), aged(3, days=11)]
    rules = replace(NOTHING, keep_last=9, max_age_days=10)
    assert kept(rules, *history) == [1, 2]
    assert why(rules, 3, *history) == "older than 10 days"


def test_the_oldest_go_until_the_rest_fits() -> None:
    history = [aged(n, days=n) for n in range(1, 6)]
    rules = replace(NOTHING, keep_last=9, max_bytes=250)
    assert kept(rules, *history) == [1, 2]
    assert why(rules, 3, *history) == "all kept ones together are larger than 250 bytes"


def test_what_goes_anyway_takes_no_room_from_what_stays() -> None:
    history = [aged(1, days=1), aged(2, days=2), aged(3, days=50)]
    assert kept(replace(NOTHING, keep_last=2, max_bytes=200), *history) == [1, 2]


def test_no_backups_no_verdicts() -> None:
    assert decide(Rules(), [], NOW) == {}


# --- for any history ----------------------------------------------------------------------------------------------

COUNTS = st.integers(0, 6)
RULES = st.builds(
    Rules,
    keep_last=st.integers(1, 6),
    keep_daily=COUNTS,
    keep_weekly=COUNTS,
    keep_monthly=COUNTS,
    keep_yearly=COUNTS,
    max_age_days=st.none() | st.integers(0, 500),
    max_bytes=st.none() | st.integers(0, 3_000),
    timezone=st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Auckland"]),
)
ONE = st.builds(
    Facts,
    id=st.integers(),
    at=st.integers(0, 900 * 24 * 60).map(lambda minutes: NOW - timedelta(minutes=minutes)),
    bytes=st.integers(0, 1_000),
    rows=st.none() | st.sampled_from([0, 10, 100, 1_000]),
    is_proved=st.booleans(),
    is_damaged=st.sampled_from([False, False, False, True]),
    held_why=st.sampled_from(["", "", "", "audit"]),
    used_why=st.sampled_from(["", "", "", "a restore reads it"]),
)
HISTORIES = st.lists(ONE, max_size=40, unique_by=lambda b: b.id)
check = settings(max_examples=100, deadline=None)


@given(rules=RULES, history=HISTORIES)
@check
def test_what_must_stay_stays_and_every_verdict_says_why(rules: Rules, history: list[Facts]) -> None:
    verdicts = decide(rules, history, NOW)
    assert set(verdicts) == {b.id for b in history}
    assert all(verdict.why for verdict in verdicts.values())
    good = sorted((b for b in history if not b.is_damaged), key=lambda b: (b.at, b.id))
    must_stay = [b for b in history if b.held_why or b.used_why] + good[-1:] + [b for b in good if b.is_proved][-1:]
    assert all(verdicts[b.id].keep for b in must_stay)


@given(rules=RULES, history=HISTORIES)
@check
def test_a_second_run_removes_nothing_more(rules: Rules, history: list[Facts]) -> None:
    first = decide(rules, history, NOW)
    second = decide(rules, [b for b in history if first[b.id].keep], NOW)
    assert all(verdict.keep for verdict in second.values())


@given(rules=RULES, history=HISTORIES, seed=st.integers())
@check
def test_the_order_in_which_they_are_listed_does_not_matter(rules: Rules, history: list[Facts], seed: int) -> None:
    shuffled = list(history)
    random.Random(seed).shuffle(shuffled)
    assert decide(rules, shuffled, NOW) == decide(rules, history, NOW)


@given(rules=RULES, history=HISTORIES)
@check
def test_limits_hold_for_all_that_is_not_protected(rules: Rules, history: list[Facts]) -> None:
    verdicts = decide(rules, history, NOW)
    loose = decide(replace(NOTHING, max_age_days=0, max_bytes=0), history, NOW)
    protected = {number for number, verdict in loose.items() if verdict.keep}
    stays = [b for b in history if verdicts[b.id].keep and b.id not in protected]
    if rules.max_age_days is not None:
        assert all(b.at >= NOW - timedelta(days=rules.max_age_days) for b in stays)
    if rules.max_bytes is not None and stays:
        assert sum(b.bytes for b in history if verdicts[b.id].keep) <= rules.max_bytes


@given(rules=RULES, history=HISTORIES)
@check
def test_every_counted_day_has_a_backup_left(rules: Rules, history: list[Facts]) -> None:
    unlimited = replace(rules, max_age_days=None, max_bytes=None)
    where = ZoneInfo(rules.timezone)
    good = [b for b in history if not b.is_damaged]
    days = sorted({b.at.astimezone(where).date() for b in good}, reverse=True)[: rules.keep_daily]
    verdicts = decide(unlimited, history, NOW)
    left = {b.at.astimezone(where).date() for b in good if verdicts[b.id].keep}
    assert set(days) <= left
    newest = sorted(good, key=lambda b: (b.at, b.id), reverse=True)[: rules.keep_last]
    assert all(verdicts[b.id].keep for b in newest)


@given(history=HISTORIES, rules=RULES)
@check
def test_a_full_backup_outlives_any_number_of_empty_ones(history: list[Facts], rules: Rules) -> None:
    full = Facts(10**9, NOW - timedelta(days=FALL_DAYS - 1), rows=1_000, is_proved=True)
    empty = [Facts(10**9 + n, full.at + timedelta(minutes=n), rows=0, is_proved=True) for n in range(1, 60)]
    older = [b for b in history if b.at < full.at]
    assert decide(rules, [*older, full, *empty], NOW)[full.id].keep


@pytest.mark.parametrize("share", [FALL, FALL + 0.01])
def test_an_ordinary_day_of_deletions_is_no_fall(share: float) -> None:
    assert kept(NOTHING, aged(1, days=9, rows=1_000), aged(2, rows=int(1_000 * share))) == [2]
