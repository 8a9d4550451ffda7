"""The day of a target, and everything around one of its moments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import sqrt
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.safestring import SafeString

from audit.admin import cells
from audit.admin.base import explain
from audit.admin.connections import outcome_word
from audit.admin.deletions import summary as deletes_summary
from audit.admin.server_logs import class_label
from audit.exceptions import FilterInvalid
from audit.lists import around, day
from audit.lists.day import CONNECTIONS, DELETES, LABELS, LOG, REFUSED, Day, Line
from audit.models import ConnectionAuditLog, DeleteAuditTransaction, ServerLogEntry, Target
from audit.templatetags.tovgov import badge, page_of, severity_badge, state_badge

HOUR, WIDE, HIGH = 30, 24, 140
"""Of the chart: an hour's width, its bar's width and the tallest bar."""
PAGES = {
    DELETES: "audit_deleteaudittransaction",
    CONNECTIONS: "audit_connectionauditlog",
    REFUSED: "audit_connectionauditlog",
    LOG: "audit_serverlogentry",
}
MODELS: dict[str, type[Model]] = {
    DELETES: DeleteAuditTransaction,
    CONNECTIONS: ConnectionAuditLog,
    LOG: ServerLogEntry,
}


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of an hour's bar."""

    group: str
    number: int
    y: float
    height: float
    url: str
    says: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One hour of the chart."""

    hour: int
    x: int
    parts: list[Part]


def may_see(request: HttpRequest, model: type[Model]) -> bool:
    return bool(request.user.has_perm(f"{model._meta.app_label}.view_{model._meta.model_name}"))


def _target(request: HttpRequest) -> Target | None:
    """The target that is asked for; the first one when none is. Raises ``Http404``."""
    asked = request.GET.get("target", "")
    if not asked:
        return Target.objects.order_by("-is_active", "name").first()
    found = Target.objects.filter(pk=int(asked)).first() if asked.isdecimal() and len(asked) < 19 else None
    if found is None:
        raise Http404
    return found


def _list_url(group: str, found: Day, start: datetime, end: datetime, **more: str) -> str:
    """The list of exactly what a number counts."""
    asked = {"target": str(found.target.pk), "from": _iso(start), "to": _iso(end)} | more
    if group != DELETES and not found.noise:
        asked["noise"] = "none"
    return f"{reverse(f'admin:{PAGES[group]}_changelist')}?{urlencode(asked)}"


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _more(line: Line) -> dict[str, str]:
    if line.group == DELETES:
        return {}
    return {"class": line.code} if line.group == LOG else {"outcome": line.code}


# --- the day ---------------------------------------------------------------------------------------------------------


def day_view(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """One day of one target: what happened in each hour, by class."""
    groups = [name for name, model in MODELS.items() if may_see(request, model)]
    if not groups or not request.user.has_perm("audit.view_target"):
        raise PermissionDenied
    target = _target(request)
    context: dict[str, Any] = {**site.each_context(request), "title": "Day", "target": target}
    context["targets"] = list(Target.objects.order_by("name").values_list("pk", "name"))
    if target is not None:
        context |= _day_context(request, target, groups)
    return TemplateResponse(request, "tovgov/day.html", context)


def _day_context(request: HttpRequest, target: Target, groups: list[str]) -> dict[str, Any]:
    asked = _day_asked(request) or day.newest(target) or timezone.now().astimezone(UTC).date()
    noise = "noise" in request.GET
    found = day.of(target, asked, groups=groups, noise=noise)
    before, after = day.neighbours(target, asked)
    start, end = day.bounds(asked)
    here = {"target": target.pk, "day": asked.isoformat()}
    queues = {DELETES: PAGES[DELETES], CONNECTIONS: "audit_connectiongroup", LOG: "audit_serverloggroup"}
    span = {"target": target.pk, "state": "unreviewed", "from": _iso(start), "to": _iso(end)}
    return {
        "banner": target,
        "day": found,
        "title": f"{target}, {asked:%d %b %Y}",
        "bars": bars(found),
        "legend": [(group, LABELS[group], found.total(group)) for group in LABELS if found.total(group)],
        "rows": [_table_row(found, line) for line in found.lines],
        "hours": range(24),
        "noise": noise,
        "hidden": found.hidden_connections + found.hidden_log,
        "shown_url": f"?{urlencode(here | {'noise': 1})}",
        "quiet_url": f"?{urlencode(here)}",
        "before_url": f"?{urlencode(here | {'day': before.isoformat()})}" if before else "",
        "after_url": f"?{urlencode(here | {'day': after.isoformat()})}" if after else "",
        "counts": [
            (LABELS[group], number, f"{reverse(f'admin:{queues[group]}_changelist')}?{urlencode(span)}")
            for group, number in found.unreviewed.items()
        ],
    }


def _day_asked(request: HttpRequest) -> date | None:
    """Raises ``Http404`` for what is no day."""
    text = request.GET.get("day", "")
    if not text:
        return None
    try:
        found = parse_date(text)
    except ValueError:
        found = None
    if found is None or not 1970 <= found.year < 9998:
        raise Http404
    return found


def _table_row(found: Day, line: Line) -> dict[str, Any]:
    start, end = day.bounds(found.day)
    cells_of = []
    most = max(line.hours, default=0) if line.hours else 0
    for hour, number in enumerate(line.hours or []):
        begin = start + timedelta(hours=hour)
        url = _list_url(line.group, found, begin, begin + timedelta(hours=1), **_more(line)) if number else ""
        depth = 1 + int(3.99 * sqrt(number / most)) if number else 0
        cells_of.append((number, url, min(depth, 4)))
    return {
        "line": line,
        "badge": badge(line.tone, LABELS[line.group]),
        "url": _list_url(line.group, found, start, end, **_more(line)),
        "cells": cells_of,
    }


def bars(found: Day) -> list[Bar]:
    """The chart: a bar an hour. Heights are square roots, or a hundred thousand log lines would hide one delete."""
    if not found.has_hours:
        return []
    hours = {group: found.hours(group) for group in (LOG, CONNECTIONS, REFUSED, DELETES)}
    tallest = max((sum(sqrt(hours[group][hour]) for group in hours) for hour in range(24)), default=0)
    if not tallest:
        return []
    start, _ = day.bounds(found.day)
    made = []
    for hour in range(24):
        y, parts = float(HIGH), []
        begin = start + timedelta(hours=hour)
        for group, numbers in hours.items():
            number = numbers[hour]
            if not number:
                continue
            height = round(max(3.0, sqrt(number) / tallest * (HIGH - 8)), 1)
            y = round(y - height, 1)
            more = {REFUSED: {"outcome": "not let in"}, CONNECTIONS: {"outcome": "accepted"}}.get(group, {})
            url = _list_url(group, found, begin, begin + timedelta(hours=1), **more)
            parts.append(Part(group, number, y, height, url, f"{hour:02}:00, {LABELS[group].lower()}: {number:,}"))
        made.append(Bar(hour, hour * HOUR + (HOUR - WIDE) // 2, parts))
    return made


# --- everything around a moment --------------------------------------------------------------------------------------


def around_view(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Deletes, connections, log lines and what tovgov did, before and after one moment of one target."""
    models = [*(model for _, model in around.LARGE), *(model for model, _ in around.SMALL)]
    kinds = [model for model in models if may_see(request, model)]
    if not kinds or not request.user.has_perm("audit.view_target"):
        raise PermissionDenied
    kinds += _others(request)
    target = _target(request)
    if target is None:
        raise Http404
    at = _at_asked(request) or timezone.now()
    asked = request.GET.get("minutes", "")
    minutes = int(asked) if asked in {str(one) for one in around.MINUTES} else 15
    noise = "noise" in request.GET
    here = {"target": target.pk, "at": at.isoformat(), "minutes": minutes} | ({"noise": 1} if noise else {})
    try:
        found = around.of(
            target, at, minutes=minutes, kinds=kinds, noise=noise, older=request.GET.get("older", ""),
            newer=request.GET.get("newer", ""),
        )  # fmt: skip
    except FilterInvalid as error:
        messages.error(request, explain(error))
        found = around.Stretch([])
    context = {
        **site.each_context(request),
        "title": f"Around {at.astimezone(UTC):%d %b %Y, %H:%M:%S} UTC",
        "banner": target,
        "target": target,
        "at": at,
        "minutes": minutes,
        "choices": [(one, f"?{urlencode(here | {'minutes': one})}") for one in around.MINUTES],
        "found": found,
        "events": [_event(moment, at, here) for moment in found.moments],
        "noise": noise,
        "older_url": f"?{urlencode(here | {'older': found.older})}" if found.older else "",
        "newer_url": f"?{urlencode(here | {'newer': found.newer})}" if found.newer else "",
        "middle_url": f"?{urlencode(here)}" if {"older", "newer"} & set(request.GET) else "",
        "shown_url": f"?{urlencode(here | {'noise': 1})}",
        "quiet_url": f"?{urlencode({name: value for name, value in here.items() if name != 'noise'})}",
        "day_url": f"{reverse('admin:day')}?target={target.pk}&day={at.astimezone(UTC).date().isoformat()}",
    }
    return TemplateResponse(request, "tovgov/around.html", context)


def _others(request: HttpRequest) -> list[type[Model]]:
    """Models of other apps that tell their moments, as far as the person may see them."""
    return [model for model in admin.site._registry if model._meta.app_label != "audit" and may_see(request, model)]


def _at_asked(request: HttpRequest) -> datetime | None:
    """Raises ``Http404`` for what is no moment."""
    text = request.GET.get("at", "")
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        raise Http404 from None
    if not 1970 <= found.year < 9998:
        raise Http404
    return found if timezone.is_aware(found) else timezone.make_aware(found)


def _event(moment: around.Moment, at: datetime, here: dict[str, Any]) -> dict[str, Any]:
    """One line of the page."""
    label, words = _words(moment)
    seconds = (moment.at - at).total_seconds()
    return {
        "at": moment.at,
        "kind": moment.kind,
        "label": label,
        "words": words,
        "url": page_of(moment.row),
        "is_after": seconds >= 0,
        "apart": f"{seconds:+,.1f} s" if abs(seconds) < 100 else f"{seconds / 60:+,.0f} min",
        "here_url": f"?{urlencode(here | {'at': moment.at.isoformat()})}",
    }


def _words(moment: around.Moment) -> tuple[SafeString, str]:
    row = moment.row
    if isinstance(row, DeleteAuditTransaction):
        return badge("bad", "Delete"), f"{deletes_summary(row)}: {cells.line(row.query, 120)}"
    if isinstance(row, ConnectionAuditLog):
        who = f"{row.role or 'unknown role'} in {row.database or 'no database'} from {row.came_from}"
        return outcome_word(row), cells.line(f"{who} {row.application_name}".strip(), 160)
    if isinstance(row, ServerLogEntry):
        return severity_badge(row.severity), f"{class_label(row.kind)}: {cells.line(row.message, 160)}"
    state = getattr(row, "severity", "") or getattr(row, "state", "")
    word = str(row._meta.verbose_name).capitalize()
    label = state_badge(str(state), word) if state else badge("info", word)
    return label, cells.line(f"{row} {moment.what}", 160)
