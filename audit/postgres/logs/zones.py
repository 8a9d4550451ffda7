"""Times as PostgreSQL writes them in logs: ``2026-11-20 10:40:01.123 CET``, in ``log_timezone``, by abbreviation.

An abbreviation is not a zone: CST is Chicago, Shanghai and Havana. What the source says of its time zone wins; without
it an abbreviation is taken only where all zones of the tz database that use it at that time agree.
"""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from audit.exceptions import LogTimezoneUnknown
from audit.postgres.logs.faults import TIME_UNREADABLE, ZONE_AMBIGUOUS, ZONE_UNKNOWN, Unreadable

SECOND = len("2026-11-20 10:40:01")
HOUR = len("2026-11-20 10")
NUMERIC = re.compile(r"([+-])(\d\d):?(\d\d)?(?::?(\d\d))?")
UNIVERSAL = {"UTC": "+00:00", "GMT": "+00:00", "Z": "+00:00", "UCT": "+00:00"}
SAMPLED_YEARS = (2005, 2013, 2020, 2025)
"""Abbreviations that came and went between these years are not known without the source's time zone."""
KEPT = 50_000


class Clock:
    """Reads times; knows the source's ``timezone`` (a name of the tz database, empty when nobody said).

    Raises ``LogTimezoneUnknown``.
    """

    def __init__(self, timezone: str = "") -> None:
        self.timezone = timezone
        self._zone = _zone(timezone) if timezone else None
        self.offsets: dict[str, str] = {}
        """``2026-11-20 10 CET`` → ``+01:00``: filled by ``offset``, read directly where it must be fast."""
        self._read: dict[str, datetime] = {}

    def read(self, stamp: str) -> datetime:
        """The time ``stamp`` in UTC, with or without fractions of a second; the latest ones are remembered.

        Raises ``Unreadable``.
        """
        known = self._read.get(stamp)
        if known is None:
            if len(self._read) > KEPT:
                self._read.clear()
            known = self._read[stamp] = self.fresh(stamp)
        return known

    def fresh(self, stamp: str) -> datetime:
        """The same for a time that hardly comes again."""
        local, _, zone = stamp.rpartition(" ")
        offset = self.offsets.get(stamp[:HOUR] + zone) or self.offset(local, zone)
        try:
            return datetime.fromisoformat(local + offset).astimezone(UTC)
        except (ValueError, OverflowError):
            raise Unreadable(TIME_UNREADABLE) from None

    def in_zone(self, at: datetime) -> datetime:
        """A time without any zone, by the source's. Raises ``Unreadable`` where nobody said it."""
        if self._zone is None:
            raise Unreadable(ZONE_UNKNOWN)
        return at.replace(tzinfo=self._zone).astimezone(UTC)

    def offset(self, local: str, zone: str) -> str:
        """How far ``zone`` was from UTC within that hour, as ``+01:00``. Raises ``Unreadable``."""
        try:
            at = datetime.strptime(local[:SECOND], "%Y-%m-%d %H:%M:%S")
        except ValueError:
            raise Unreadable(TIME_UNREADABLE) from None
        if len(self.offsets) > KEPT:
            self.offsets.clear()
        found = self.offsets[local[:HOUR] + zone] = UNIVERSAL.get(zone) or _numeric(zone) or self._named(at, zone)
        return found

    def _named(self, at: datetime, abbreviation: str) -> str:
        if self._zone is not None:
            return _written(_offset(self._zone, at, abbreviation) or self._zone.utcoffset(at))
        zones = _zones_of().get(abbreviation, ())
        offsets = {offset for zone in zones if (offset := _offset(zone, at, abbreviation)) is not None}
        if len(offsets) != 1:
            raise Unreadable(ZONE_AMBIGUOUS if offsets else ZONE_UNKNOWN)
        return _written(offsets.pop())


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        raise LogTimezoneUnknown(f"“{name[:60]}” is not a time zone.") from None


def _numeric(zone: str) -> str:
    """``+0530`` → ``+05:30``; empty for an abbreviation."""
    found = NUMERIC.fullmatch(zone)
    if not found:
        return ""
    sign, hours, minutes, seconds = found.groups()
    return f"{sign}{hours}:{minutes or '00'}" + (f":{seconds}" if seconds else "")


def _offset(zone: ZoneInfo, at: datetime, abbreviation: str) -> timedelta | None:
    """Of the hour that comes twice in autumn the abbreviation says which one it is."""
    for fold in (0, 1):
        one = at.replace(tzinfo=zone, fold=fold)
        if one.tzname() == abbreviation:
            return one.utcoffset()
    return None


def _written(offset: timedelta | None) -> str:
    seconds = int((offset or timedelta()).total_seconds())
    sign, seconds = ("-", -seconds) if seconds < 0 else ("+", seconds)
    text = f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}"
    return text + (f":{seconds % 60:02}" if seconds % 60 else "")


@cache
def _zones_of() -> dict[str, tuple[ZoneInfo, ...]]:
    """Which zones of the tz database use an abbreviation, in winter or summer of the sampled years."""
    found: dict[str, dict[str, ZoneInfo]] = defaultdict(dict)
    for name in available_timezones():
        if name in ("localtime", "Factory"):
            continue
        zone = ZoneInfo(name)
        for year in SAMPLED_YEARS:
            for month in (1, 7):
                abbreviation = datetime(year, month, 1, tzinfo=zone).tzname()
                if abbreviation:
                    found[abbreviation][name] = zone
    return {abbreviation: tuple(zones.values()) for abbreviation, zones in found.items()}
