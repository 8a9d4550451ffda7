"""What people read: sizes, lengths, ages and moments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from audit.templatetags import format as words


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "–"),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1_234_567, "1.2 MB"),
        (99_960_000, "100 MB"),
        (999_600, "1.0 MB"),
        (41_200_000_000, "41.2 GB"),
        (5 * 10**18, "5000 PB"),
    ],
)
def test_size(count: int | None, text: str) -> None:
    assert words.size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (0, "0 s"),
        (0.0348, "35 ms"),
        (0.9999, "1.0 s"),
        (4.2, "4.2 s"),
        (12.4, "12 s"),
        (59.97, "1 min"),
        (125, "2 min 5 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h"),
        (11_520, "3 h 12 min"),
        (86_399, "23 h 59 min"),
        (86_400, "1 d"),
        (5 * 86_400 + 7_300, "5 d 2 h"),
        (timedelta(days=400), "400 d"),
    ],
)
def test_duration(seconds: float | timedelta | None, text: str) -> None:
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("passed", "text"),
    [
        (timedelta(seconds=2), "just now"),
        (timedelta(seconds=40), "40 s ago"),
        (timedelta(minutes=12, seconds=10), "12 min ago"),
        (timedelta(hours=30), "30 h ago"),
        (timedelta(days=5), "5 d ago"),
        (timedelta(hours=-2), "in 2 h"),
    ],
)
def test_ago(passed: timedelta, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)
    assert words.ago(now - passed) == text


def test_never_and_dashes() -> None:
    assert words.ago(None) == "never"
    assert words.moment(None) == words.count(None) == words.version(None) == words.short("") == "–"


def test_moment_names_its_zone() -> None:
    assert words.moment(datetime(2026, 3, 2, 6, 0, 4, tzinfo=UTC)) == "2 Mar 2026, 06:00:04 UTC"
    assert words.moment("2026-03-02T06:00:04+00:00") == "2 Mar 2026, 06:00:04 UTC"


def test_numbers() -> None:
    assert words.count(1234567) == "1,234,567"
    assert words.version(160014) == "16.14"
    assert words.short("abcdef0123456789") == "abcdef012345"
