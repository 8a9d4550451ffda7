"""Read what a person asked of a report: period, time zone, targets, its own questions, the order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from audit.exceptions import PeriodInvalid, ReportInvalid
from audit.lists.listing import LONGEST, Filter
from audit.models import Target
from audit.reports.report import Report, Scope

DAYS = 30
"""The period until somebody names another: so many days, today among them."""
TOO_FAR = 9990
MOST_TARGETS = 500

Asked = Mapping[str, Sequence[str]]


def read(report: Report, asked: Asked | str, *, now: datetime | None = None) -> Scope:
    """What a query string (or ``dict(request.GET.lists())``) asks of ``report``. What the report does not ask is left
    out. Raises ``PeriodInvalid`` and ``ReportInvalid``, which name what does not fit."""
    given = parse_qs(asked) if isinstance(asked, str) else asked
    now = now or timezone.now()
    where = zone(_one(given, "zone") or settings.TIME_ZONE)
    start, end, words = _period(report, given, where, now)
    targets = _targets(given.get("target", ())) if report.has_targets else ()
    answers = {one.name: _answer(one, _one(given, one.name)) for one in report.filters if _one(given, one.name)}
    sort = _sort(report, _one(given, "sort"))
    query = [*words, *(("target", str(target.pk)) for target in targets), *sorted(answers.items())]
    query += [("sort", sort)] if sort != report.sort else []
    if where.key != settings.TIME_ZONE or words:
        query.append(("zone", where.key))
    return Scope(
        report=report, zone=where, sort=sort, now=now, start=start, end=end, targets=targets, answers=answers,
        query=urlencode(query),
    )  # fmt: skip


def _one(given: Asked, name: str) -> str:
    """The last answer, without what no text may hold."""
    values = given.get(name) or [""]
    return str(values[-1]).replace("\0", "").strip()


def zone(name: str) -> ZoneInfo:
    """The time zone of that name. Raises ``PeriodInvalid``."""
    if name not in available_timezones():
        raise PeriodInvalid(f"“{name[:60]}” is no time zone; one is Asia/Jerusalem.")
    return ZoneInfo(name)


def _period(
    report: Report, given: Asked, where: ZoneInfo, now: datetime
) -> tuple[datetime | None, datetime | None, list[tuple[str, str]]]:
    """From, to (not with it), and both as they stand in the permalink."""
    if not report.has_period:
        return None, None, []
    today = now.astimezone(where).date()
    to = _one(given, "to") or today.isoformat()
    until = moment(to, where, end=True)
    since = _one(given, "from") or _days_before(until, where)
    start = moment(since, where)
    if start > until:
        raise PeriodInvalid(f"The period ends ({to[:40]}) before it starts ({since[:40]}).")
    if start == until:
        raise PeriodInvalid(f"The period is empty: it ends the moment it starts ({since[:40]}).")
    return start, until, [("from", since), ("to", to)]


def _days_before(until: datetime, where: ZoneInfo) -> str:
    """The first day of the usual period that ends at ``until``."""
    last = (until - timedelta(microseconds=1)).astimezone(where).date()
    return (last - timedelta(days=DAYS - 1)).isoformat()


def moment(text: str, where: ZoneInfo, *, end: bool = False) -> datetime:
    """A day or a moment on the clocks of ``where``; ``end`` makes a day the end of it. Raises ``PeriodInvalid``."""
    try:
        found = parse_datetime(text.replace(" ", "T", 1)) if "T" in text or ":" in text else None
        day = parse_date(text) if found is None else None
    except ValueError:
        found, day = None, None
    if found is None and day is None:
        raise PeriodInvalid(f"“{text[:40]}” is no date; write 2026-03-12 or 2026-03-12 06:00.")
    if not 1970 <= (found or day).year < TOO_FAR:  # type: ignore[union-attr]
        raise PeriodInvalid(f"“{text[:40]}” is too far away.")
    if found is None:
        found = midnight(day + timedelta(days=1) if end else day, where)  # type: ignore[operator,arg-type]
    return found if timezone.is_aware(found) else found.replace(tzinfo=where)


def midnight(day: date, where: ZoneInfo) -> datetime:
    """The beginning of a day there."""
    return datetime.combine(day, time(), tzinfo=where)


def _targets(asked: Sequence[str]) -> tuple[Target, ...]:
    """The targets of these ids or names, each once. Raises ``ReportInvalid`` for one that is not there."""
    words = list(dict.fromkeys(word.strip() for word in asked if word.strip()))[: MOST_TARGETS + 1]
    if len(words) > MOST_TARGETS:
        raise ReportInvalid(f"These are more than {MOST_TARGETS} targets; choose none to mean all.")
    return tuple(_target(word) for word in words)


def _target(word: str) -> Target:
    is_number = word.isascii() and word.isdecimal() and len(word) < 19
    row = Target.objects.filter(pk=int(word)).first() if is_number else None
    row = row or Target.objects.filter(name=word.replace("\0", "")).first()
    if row is None:
        raise ReportInvalid(f"There is no target “{word[:60]}”. It may have been removed.")
    return row


def _answer(one: Filter, answer: str) -> str:
    """An answer that fits its question."""
    if len(answer) > LONGEST:
        raise ReportInvalid(f"{one.label}: an answer has at most {LONGEST} characters.")
    try:
        answer.encode()
        one.clause(answer)
    except UnicodeEncodeError:
        raise ReportInvalid(f"{one.label}: this holds a character that is no text.") from None
    except ValueError as error:
        raise ReportInvalid(f"{one.label}: {error}") from None
    return answer


def _sort(report: Report, asked: str) -> str:
    if not asked:
        return report.sort
    if report.column(asked.removeprefix("-")) is None:
        raise ReportInvalid(f"It cannot be sorted by “{asked[:40]}”.")
    return asked


def as_asked(values: Mapping[str, Any]) -> dict[str, list[str]]:
    """Plain values as ``read`` takes them."""
    return {name: [str(one) for one in value] if isinstance(value, list | tuple) else [str(value)]
            for name, value in values.items()}  # fmt: skip
