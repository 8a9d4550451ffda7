"""Cron lines: what a person may write, and when it is due, through changes of the clocks too. Pure: no model.

A time that the clocks skip runs right after the gap; one that comes twice runs the first time only, unless the line
says every hour.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

from croniter import croniter
from croniter.croniter import CroniterError

from backups.exceptions import ScheduleInvalid

PRESETS = {
    "every 4 hours": "0 */4 * * *",
    "every 6 hours": "0 */6 * * *",
    "every 12 hours": "0 */12 * * *",
    "daily": "30 2 * * *",
    "weekly": "30 2 * * sun",
}
"""What a person may say instead of a cron line."""

LEAST_MINUTES = 5
"""Two runs of one line are at least so far apart; anything closer is a slip of the pen."""

WINDOW = timedelta(hours=3)  # wider than any change of the clocks
NAMES = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|sun|mon|tue|wed|thu|fri|sat)"
FIELD = re.compile(rf"^(\*|\d+|{NAMES})(-(\d+|{NAMES}))?(/\d+)?(,(\*|\d+|{NAMES})(-(\d+|{NAMES}))?(/\d+)?)*$", re.I)
FIELDS = ("minute", "hour", "day", "month", "weekday")


def zone(name: str) -> tzinfo:
    """The time zone of that name. Raises ``ScheduleInvalid``."""
    if name == "UTC":
        return UTC
    if name not in available_timezones():
        raise ScheduleInvalid(
            f'"{name}" is no time zone.', hint="Use a name such as UTC, Europe/Berlin or America/New_York."
        )
    return ZoneInfo(name)


def parse(words: str | int) -> str:
    """The cron line for a number of hours, a preset or a cron line. Raises ``ScheduleInvalid``."""
    if isinstance(words, int) or words.strip().isdigit():
        return _every_hours(int(words))
    line = " ".join(words.lower().split())
    line = PRESETS.get(line, line)
    fields = line.split(" ")
    if len(fields) != len(FIELDS):
        raise ScheduleInvalid(
            f'"{words}" has {len(fields)} fields instead of five.',
            hint=f"{ScheduleInvalid.advice} Or one of: {', '.join(PRESETS)}.",
        )
    for name, field in zip(FIELDS, fields, strict=True):
        if not FIELD.match(field):
            raise ScheduleInvalid(f'"{field}" is no {name}.')
    _refuse_what_never_or_always_runs(line)
    return line


def _every_hours(hours: int) -> str:
    if not 1 <= hours <= 24 or 24 % hours:
        raise ScheduleInvalid(
            f"Every {hours} hours does not fit into a day.", hint="Choose 1, 2, 3, 4, 6, 8, 12 or 24 hours."
        )
    return "0 */1 * * *" if hours == 1 else "30 2 * * *" if hours == 24 else f"0 */{hours} * * *"


def _refuse_what_never_or_always_runs(line: str) -> None:
    try:
        runs = croniter(line, datetime(2024, 1, 1))  # a leap year: 29 February counts
        first = [runs.get_next(datetime) for _ in range(3)]
    except CroniterError as error:
        words = str(error).removeprefix(f"[{line}] ").rstrip(".")
        raise ScheduleInvalid(f'"{line}" is not a schedule: {words}.') from None
    minute, hour, *rest = line.split(" ")
    if min(b - a for a, b in pairwise(first)) < timedelta(minutes=LEAST_MINUTES):
        meant = " ".join(["0" if minute.startswith("*") else minute.split(",")[0], hour, *rest])
        raise ScheduleInvalid(
            f'"{line}" runs more often than every {LEAST_MINUTES} minutes.', hint=f'Did you mean "{meant}"?'
        )


def next_run(cron: str, timezone: str, after: datetime) -> datetime:
    """The first moment after ``after`` at which ``cron`` is due, in UTC. Raises ``ScheduleInvalid``."""
    where = zone(timezone)
    local = after.astimezone(where).replace(tzinfo=None)
    found: datetime | None = None
    for naive in _candidates(cron, local - WINDOW):
        if found is not None and naive > local + WINDOW:
            return found
        later = [moment for moment in _moments(naive, where, hourly=_is_hourly(cron)) if moment > after]
        found = min([*later, found] if found else later, default=None)
    raise ScheduleInvalid(f'"{cron}" is never due again.')


def next_moments(cron: str, timezone: str, after: datetime, count: int) -> list[datetime]:
    """The next ``count`` moments after ``after``, in UTC. Raises ``ScheduleInvalid``."""
    moments: list[datetime] = []
    for _ in range(count):
        after = next_run(cron, timezone, after)
        moments.append(after)
    return moments


def _candidates(cron: str, after: datetime) -> Iterator[datetime]:
    """Times on the wall, without a zone, that the line names."""
    try:
        runs = croniter(cron, after)
        while True:
            yield runs.get_next(datetime)
    except CroniterError as error:
        raise ScheduleInvalid(f'"{cron}" is not a schedule: {error}.') from None


def _is_hourly(cron: str) -> bool:
    return cron.split(" ")[1] in ("*", "*/1")


def _moments(naive: datetime, where: tzinfo, *, hourly: bool) -> list[datetime]:
    """When the clocks of ``where`` show ``naive``: once as a rule, right after a gap that skips it, and the first
    time when it comes twice (both times for an hourly line)."""
    folds = (0, 1) if hourly else (0,)
    moments = {naive.replace(tzinfo=where, fold=fold).astimezone(UTC) for fold in folds}
    real = {moment for moment in moments if moment.astimezone(where).replace(tzinfo=None) == naive}
    return sorted(real or {naive.replace(tzinfo=where, fold=0).astimezone(UTC)})
