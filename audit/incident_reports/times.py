"""Times as people write them in reports. What could mean two days is not read at all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone, tzinfo

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)[a-z]*\.?"
ZONES = {
    "Z": 0,
    "UTC": 0,
    "GMT": 0,
    "CET": 1,
    "CEST": 2,
    "EET": 2,
    "EEST": 3,
    "EST": -5,
    "EDT": -4,
    "PST": -8,
    "PDT": -7,
}
"""Hours. ``ODD`` names mean several zones, or are not known here: the report's own zone is taken, and that is said."""

DATE = (
    r"(?:(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})|(?P<dd>\d{1,2})\.(?P<dm>\d{1,2})\.(?P<dy>\d{4})"
    r"|(?P<sa>\d{1,2})/(?P<sb>\d{1,2})/(?P<sy>\d{4})"
    rf"|(?P<wd>\d{{1,2}})(?:st|nd|rd|th)?\s+(?P<wm>{MONTH}),?\s+(?P<wy>\d{{4}})"
    rf"|(?P<um>{MONTH})\s+(?P<ud>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<uy>\d{{4}}))"
)
CLOCK = r"(?P<hh>\d{1,2}):(?P<mi>\d{2})(?::(?P<ss>\d{2})(?:[.,]\d{1,9})?)?(?:\s*(?P<half>[ap]\.?m\.?)\b)?"
ODD = ("IST", "CST", "CDT", "BST", "MST", "MDT", "AST", "AEST", "JST", "MSK", "IDT")
ZONE = (
    rf"(?:\s*(?-i:(?P<zone>{'|'.join([*sorted(ZONES, key=len, reverse=True), *ODD])}|[+-]\d{{2}}:?\d{{2}}))(?!\w|:\d))?"
)
OPEN, CLOSE = r"[\s*_`~≈\[(]*", r"[\s*_`\])]*"
WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?"
LEADING = re.compile(
    rf"^{OPEN}(?:(?:about|around|ca\.|approx\.|at)\s+)?{WEEKDAY}"
    rf"(?:{DATE}(?:\s*[,T]\s*|\s+(?:at\s+)?)?)?(?:{CLOCK}{ZONE})?{CLOSE}",
    re.IGNORECASE,
)
SEPARATOR = re.compile(r"^\s*[-–—:|→>,]*\s*")


@dataclass(frozen=True)
class Found:
    """A time at the beginning of some words: ``when`` as it was written, ``rest`` what follows."""

    at: datetime | None
    day: date | None
    has_clock: bool
    when: str
    rest: str
    odd_zone: str = ""


def leading(words: str, *, day: date | None, zone: tzinfo) -> Found | None:
    """The time that ``words`` begin with; a clock without a date is of ``day``. None when there is no time, or one
    that could be of two days; without any day ``at`` is None."""
    hit = LEADING.match(words)
    if hit is None or not (hit["hh"] or _has_date(hit)):
        return None
    stated = _date(hit)
    if _has_date(hit) and stated is None:
        return None
    clock = _clock(hit)
    if hit["hh"] and clock is None:
        return None
    there, odd = _zone(hit["zone"], zone)
    found = stated or day
    at = None
    if found is not None and (clock or stated):
        hours, minutes, seconds = clock or (0, 0, 0)
        at = datetime(found.year, found.month, found.day, hours, minutes, seconds, tzinfo=there)
    rest = words[hit.end() :]
    return Found(at, stated, clock is not None, hit[0].strip(), SEPARATOR.sub("", rest, count=1), odd)


def _has_date(hit: re.Match[str]) -> bool:
    return any(hit[name] for name in ("y", "dd", "sa", "wd", "um"))


def _date(hit: re.Match[str]) -> date | None:
    if hit["y"]:
        year, month, day = int(hit["y"]), int(hit["m"]), int(hit["d"])
    elif hit["dd"]:
        year, month, day = int(hit["dy"]), int(hit["dm"]), int(hit["dd"])
    elif hit["sa"]:
        one, two, year = int(hit["sa"]), int(hit["sb"]), int(hit["sy"])
        if one <= 12 and two <= 12 and one != two:
            return None  # 03/04/2026 is two days
        day, month = (one, two) if one > 12 else (two, one)
    elif hit["wd"]:
        year, month, day = int(hit["wy"]), MONTHS.index(hit["wm"][:3].lower()) + 1, int(hit["wd"])
    elif hit["um"]:
        year, month, day = int(hit["uy"]), MONTHS.index(hit["um"][:3].lower()) + 1, int(hit["ud"])
    else:
        return None
    try:
        return date(year, month, day) if 1990 <= year <= 2200 else None
    except ValueError:
        return None


def _clock(hit: re.Match[str]) -> tuple[int, int, int] | None:
    if not hit["hh"]:
        return None
    hours, minutes, seconds = int(hit["hh"]), int(hit["mi"]), min(int(hit["ss"] or 0), 59)
    if hit["half"]:
        if not 1 <= hours <= 12:
            return None
        hours = hours % 12 + (12 if hit["half"][0] in "pP" else 0)
    return (hours, minutes, seconds) if hours < 24 and minutes < 60 else None


def _zone(name: str | None, zone: tzinfo) -> tuple[tzinfo, str]:
    if not name:
        return zone, ""
    if name[0] in "+-":
        hours, minutes = int(name[1:3]), int(name[-2:])
        if hours > 14 or minutes > 59:
            return zone, name
        offset = timedelta(hours=hours, minutes=minutes)
        return timezone(-offset if name[0] == "-" else offset), ""
    hours_off = ZONES.get(name.upper())
    return (zone, name) if hours_off is None else (timezone(timedelta(hours=hours_off)), "")
