"""Cron lines: nonsense is refused with a hint, and changed clocks neither skip nor double a backup."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backups.cron import PRESETS, next_moments, next_run, parse, zone
from backups.exceptions import ScheduleInvalid

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = "30 2 * * *"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (4, "0 */4 * * *"),
        ("6", "0 */6 * * *"),
        (1, "0 */1 * * *"),
        (24, NIGHT),
        ("Every 6 hours", "0 */6 * * *"),
        ("daily", NIGHT),
        ("  15   3  *  *   mon-fri ", "15 3 * * mon-fri"),
        ("0 4 1,15 * *", "0 4 1,15 * *"),
        ("0 0 29 2 *", "0 0 29 2 *"),
        ("*/30 8-18 * * 1-5", "*/30 8-18 * * 1-5"),
    ],
)
def test_what_a_person_may_write(words: str | int, line: str) -> None:
    assert parse(words) == line


@pytest.mark.parametrize("line", PRESETS.values())
def test_every_preset_is_a_schedule(line: str) -> None:
    assert parse(line) == line


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("", "fields instead of five"),
        ("tomorrow", "fields instead of five"),
        ("0 6 * *", "has 4 fields"),
        ("0 0 6 * * *", "has 6 fields"),
        ("@daily", "fields instead of five"),
        ("61 6 * * *", "is not a schedule"),
        ("0 24 * * *", "is not a schedule"),
        ("0 6 * * 9", "is not a schedule"),
        ("0 6 * * funday", '"funday" is no weekday'),
        ("R 6 * * *", '"r" is no minute'),
        ("H H * * *", '"h" is no minute'),
        ("0 6 L * *", '"l" is no day'),
        ("0 -6 * * *", '"-6" is no hour'),
        ("0 6; * * *", '"6;" is no hour'),
        ("0 */0 * * *", "is not a schedule"),
        ("0 0 30 2 *", "is not a schedule"),
        ("0 6 * * * ; DROP TABLE users", "fields instead of five"),
        ("🦄 6 * * *", '"🦄" is no minute'),
        ("5", "Every 5 hours does not fit into a day"),
        (0, "Every 0 hours"),
        (25, "Every 25 hours"),
    ],
)
def test_nonsense_is_refused_with_a_hint(words: str | int, part: str) -> None:
    with pytest.raises(ScheduleInvalid) as caught:
        parse(words)
    assert part in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("words", "meant"), [("* 6 * * *", "0 6 * * *"), ("*/2 * * * *", "0 * * * *"), ("1,2 6 * * *", "1 6 * * *")]
)
def test_a_line_that_runs_every_minute_is_a_slip_of_the_pen(words: str, meant: str) -> None:
    with pytest.raises(ScheduleInvalid, match="more often") as caught:
        parse(words)
    assert caught.value.hint == f'Did you mean "{meant}"?'


@pytest.mark.parametrize("name", ["", "Mars/Base", "../etc/passwd", "Europe", "CEST"])
def test_an_unknown_time_zone_is_refused(name: str) -> None:
    with pytest.raises(ScheduleInvalid, match="no time zone"):
        zone(name)


def test_the_next_runs_follow_each_other() -> None:
    assert next_moments("0 */6 * * *", "UTC", at("2026-03-01T05:59"), 3) == [
        at("2026-03-01T06:00"),
        at("2026-03-01T12:00"),
        at("2026-03-01T18:00"),
    ]


def test_a_run_at_this_very_moment_is_not_the_next() -> None:
    assert next_run("0 6 * * *", "UTC", at("2026-03-01T06:00")) == at("2026-03-02T06:00")


def test_a_line_means_the_time_on_the_wall_of_its_zone() -> None:
    assert next_run(NIGHT, "Europe/Berlin", at("2026-01-10T12:00")) == at("2026-01-11T01:30")
    assert next_run(NIGHT, "Europe/Berlin", at("2026-07-10T12:00")) == at("2026-07-11T00:30")
    assert next_run("0 8 * * *", "Asia/Kathmandu", at("2026-07-10T12:00")) == at("2026-07-11T02:15")


def test_a_night_without_that_hour_runs_right_after_the_gap() -> None:
    runs = next_moments(NIGHT, "Europe/Berlin", local("2026-03-28T12:00"), 2)
    assert runs == [local("2026-03-29T03:30"), local("2026-03-30T02:30")]


def test_a_night_with_that_hour_twice_runs_once() -> None:
    runs = next_moments(NIGHT, "Europe/Berlin", local("2026-10-24T12:00"), 2)
    assert runs == [at("2026-10-25T00:30"), local("2026-10-26T02:30")]


def test_between_the_two_times_of_that_hour_it_is_not_due_again() -> None:
    assert next_run(NIGHT, "Europe/Berlin", at("2026-10-25T00:45")) == local("2026-10-26T02:30")


@pytest.mark.parametrize("night", ["2026-03-29T00:00", "2026-10-25T00:00"])
def test_an_hourly_line_runs_every_real_hour_when_the_clocks_change(night: str) -> None:
    runs = next_moments("0 * * * *", "Europe/Berlin", local(night), 6)
    assert {b - a for a, b in pairwise(runs)} == {timedelta(hours=1)}


def test_half_an_hour_of_summer_time_is_understood() -> None:
    runs = next_moments("15 2 * * *", "Australia/Lord_Howe", at("2026-10-03T00:00"), 2)
    shown = [run.astimezone(ZoneInfo("Australia/Lord_Howe")).strftime("%d %H:%M") for run in runs]
    assert shown == ["04 02:45", "05 02:15"]


LINES = st.sampled_from([NIGHT, "0 * * * *", "*/20 * * * *", "0 */6 * * *", "15 3 * * mon", "0 1 1 * *", "59 23 * * *"])
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"])
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2029, 1, 1), timezones=st.just(UTC))


@given(line=LINES, name=ZONES, after=MOMENTS)
@settings(max_examples=150, deadline=None)
def test_runs_go_forward_and_nothing_between_is_left_out(line: str, name: str, after: datetime) -> None:
    first, second = next_moments(line, name, after, 2)
    assert after < first < second
    halfway = first + (second - first) / 2
    assert next_run(line, name, halfway) == second
    assert next_run(line, name, first - timedelta(microseconds=1)) == first


@given(name=ZONES, day=st.dates(datetime(2024, 1, 1).date(), datetime(2029, 1, 1).date()))
@settings(max_examples=100, deadline=None)
def test_a_daily_line_runs_once_on_every_day(name: str, day: object) -> None:
    midnight = datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=ZoneInfo(name))
    runs = next_moments(NIGHT, name, midnight.astimezone(UTC) - timedelta(seconds=1), 2)
    days = [run.astimezone(ZoneInfo(name)).date() for run in runs]
    assert days == [day, midnight.date() + timedelta(days=1)]
