"""Times with the abbreviations of log_timezone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.exceptions import LogTimezoneUnknown
from audit.postgres.logs.faults import Unreadable
from audit.postgres.logs.opening import open_parser
from audit.postgres.logs.zones import Clock
from tests.audit.postgres.logs.reading import faults, records, whole
from tests.audit.postgres.logs.writing import csvlog, event

ZONES = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo"]


@pytest.mark.parametrize(
    ("stamp", "timezone", "expected"),
    [
        ("2026-11-20 10:40:01.123 UTC", "", "2026-11-20T10:40:01.123"),
        ("2026-11-20 10:40:01.123 GMT", "", "2026-11-20T10:40:01.123"),
        ("2026-11-20 10:40:01 CET", "", "2026-11-20T09:40:01"),
        ("2026-07-20 10:40:01 CEST", "", "2026-07-20T08:40:01"),
        ("2026-07-20 10:40:01 EDT", "", "2026-07-20T14:40:01"),
        ("2026-11-20 10:40:01 MSK", "", "2026-11-20T07:40:01"),
        ("2012-11-20 10:40:01 MSK", "", "2012-11-20T06:40:01"),
        ("2026-11-20 10:40:01 -03", "", "2026-11-20T13:40:01"),
        ("2026-11-20 10:40:01 +0545", "", "2026-11-20T04:55:01"),
        ("2026-11-20 10:40:01 IST", "Asia/Kolkata", "2026-11-20T05:10:01"),
        ("2026-11-20 10:40:01 CST", "Asia/Shanghai", "2026-11-20T02:40:01"),
        ("2026-11-20 10:40:01 CST", "America/Chicago", "2026-11-20T16:40:01"),
        ("2026-10-25 02:30:00 CEST", "Europe/Berlin", "2026-10-25T00:30:00"),
        ("2026-10-25 02:30:00 CET", "Europe/Berlin", "2026-10-25T01:30:00"),
        ("2026-10-25 02:30:00 CET", "", "2026-10-25T01:30:00"),
    ],
)
def test_times(stamp: str, timezone: str, expected: str) -> None:
    clock = Clock(timezone)
    assert clock.read(stamp) == clock.fresh(stamp) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("stamp", "code"),
    [
        ("2026-11-20 10:40:01 CST", "zone-ambiguous"),
        ("2026-11-20 10:40:01 XYZ", "zone-unknown"),
        ("2026-13-20 10:40:01 UTC", "time-unreadable"),
        ("", "time-unreadable"),
    ],
)
def test_what_cannot_be_told_is_not_guessed(stamp: str, code: str) -> None:
    with pytest.raises(Unreadable) as raised:
        Clock().read(stamp)
    assert raised.value.code == code


def test_an_unknown_time_zone_is_refused() -> None:
    for name in ("Europe/Atlantis", "../../etc/passwd", "/etc/passwd"):
        with pytest.raises(LogTimezoneUnknown):
            Clock(name)


@given(at=st.datetimes(datetime(2010, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)), zone=st.sampled_from(ZONES))
def test_any_time_as_the_server_writes_it(at: datetime, zone: str) -> None:
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)
    local = at.astimezone(ZoneInfo(zone))
    stamp = f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03} {local.tzname()}"
    assert Clock(zone).read(stamp) == at


def test_hours_in_which_the_clocks_change() -> None:
    clock, zone = Clock("Australia/Lord_Howe"), ZoneInfo("Australia/Lord_Howe")
    at = datetime(2026, 4, 4, 12, tzinfo=UTC)
    for minutes in range(0, 6 * 60, 10):
        one = at + timedelta(minutes=minutes)
        local = one.astimezone(zone)
        assert clock.read(f"{local:%Y-%m-%d %H:%M:%S} {local.tzname()}") == one


def test_records_of_an_ambiguous_zone_are_faults_that_say_what_to_do() -> None:
    text = csvlog(event()).replace("CET", "CST").encode()
    [(start, end, code)] = faults(read := whole(open_parser(text), text))
    assert (start, end, code) == (0, len(text), "zone-ambiguous")
    assert "set the source's time zone" in read[0].why  # type: ignore[union-attr]
    assert len(records(whole(open_parser(text, timezone="America/Chicago"), text))) == 1
