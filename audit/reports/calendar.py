"""When a report by mail is due, and which period it is of. Pure: it reads a schedule's fields and changes none.

A period goes from the midnight of one due day to the midnight of the next, on the clocks of its zone: neither a gap nor
an overlap. A time that the clocks skip comes right after the gap; one that comes twice counts the first time.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from audit.models import ReportSchedule, Rhythm
from audit.reports.scope import midnight

FURTHEST = 40  # days: longer than any rhythm


def is_due_day(schedule: ReportSchedule, day: date) -> bool:
    if schedule.rhythm == Rhythm.WEEKLY:
        return day.weekday() == schedule.weekday
    return schedule.rhythm == Rhythm.DAILY or day.day == schedule.day


def due_after(schedule: ReportSchedule, moment: datetime) -> datetime:
    """The first due time after ``moment``, in UTC."""
    here = moment.astimezone(ZoneInfo(schedule.zone)).date()
    days = (here + timedelta(days=number) for number in range(-1, FURTHEST))
    return next(due for day in days if is_due_day(schedule, day) and (due := _at(schedule, day)) > moment)


def due_before(schedule: ReportSchedule, moment: datetime) -> datetime:
    """The last due time that is not after ``moment``, in UTC."""
    here = moment.astimezone(ZoneInfo(schedule.zone)).date()
    days = (here - timedelta(days=number) for number in range(-1, FURTHEST))
    return next(due for day in days if is_due_day(schedule, day) and (due := _at(schedule, day)) <= moment)


def _at(schedule: ReportSchedule, day: date) -> datetime:
    return datetime.combine(day, schedule.at, tzinfo=ZoneInfo(schedule.zone)).astimezone(UTC)


def ends(schedule: ReportSchedule, due: datetime) -> datetime:
    """Where the period of what is due then ends: the midnight that its day began with."""
    where = ZoneInfo(schedule.zone)
    return midnight(due.astimezone(where).date(), where)


def begins(schedule: ReportSchedule, due: datetime) -> datetime:
    """Where the period of what is due then begins when nothing before it was missed."""
    return ends(schedule, due_before(schedule, due - timedelta(microseconds=1)))


def missed(schedule: ReportSchedule, since: datetime, due: datetime) -> int:
    """How many due times passed from ``since`` (the first that was owed) to before ``due``."""
    count, moment = 0, since
    while moment < due:
        count, moment = count + 1, due_after(schedule, moment)
    return count
