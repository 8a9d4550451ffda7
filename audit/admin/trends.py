"""The managers' page: incidents over months as a calendar, as numbers by month, and target by target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date

from audit import trends
from audit.models import ActionItem, Incident, Target
from audit.trends import HAPPENED, HeatDay, Month, Trends

CELL, STEP, TOP, LEFT = 11, 13, 16, 30
"""Of the calendar: a day's square, the way to the next, room for the months' names and for the days'."""
WIDE, HIGH = 28, 90
"""Of the chart by month: a bar's width, and the tallest."""


class Happened(admin.SimpleListFilter):
    """From a day to a day (UTC): what the trends link to."""

    title = "when it happened"
    parameter_name = "from"

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any) -> None:
        self.until = params.pop("to", None)
        super().__init__(request, params, model, model_admin)
        if self.until is not None:
            self.used_parameters["to"] = self.until[-1] if isinstance(self.until, list) else self.until

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return []

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> list[str | None]:
        return [self.parameter_name, "to"]

    def choices(self, changelist: Any) -> list[Any]:  # type: ignore[override]
        first, last = _day(self.value()), _day(self.used_parameters.get("to"))
        every = changelist.get_query_string(remove=[self.parameter_name, "to"])
        found = [{"selected": not (first or last), "query_string": every, "display": "Any day"}]
        if first or last:
            words = f"{first or '…'} to {last or '…'}"
            found.append({"selected": True, "query_string": changelist.get_query_string(), "display": words})
        return found

    def queryset(self, request: HttpRequest, queryset: QuerySet[Incident]) -> QuerySet[Incident]:
        first, last = _day(self.value()), _day(self.used_parameters.get("to"))
        if first is None and last is None:
            return queryset
        found = queryset.annotate(happened=HAPPENED)
        found = found.filter(happened__date__gte=first) if first else found
        return found.filter(happened__date__lte=last) if last else found


def _day(text: Any) -> date | None:
    try:
        return parse_date(str(text or ""))
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Square:
    """A day in the calendar."""

    x: int
    y: int
    tone: str
    says: str
    url: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A month in the chart: all incidents, and the critical ones below."""

    x: int
    y: float
    height: float
    critical_y: float
    critical_height: float
    name: str
    says: str
    url: str


def trends_view(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Incidents over months."""
    if not request.user.has_perm("audit.view_incident"):
        raise PermissionDenied
    months, target = _months(request), _target(request)
    today = timezone.now().astimezone(UTC).date()
    found = trends.of(months=months, today=today, target=target)
    context = {
        **site.each_context(request),
        "title": "Trends",
        "trends": found,
        "months": months,
        "spans": trends.SPANS,
        "target": target,
        "targets": list(Target.objects.order_by("name").values_list("pk", "name")),
        "squares": squares(found, target),
        "names": month_names(found),
        "calendar_width": LEFT + STEP * _weeks(found) + 4,
        "calendar_height": TOP + STEP * 7 + 2,
        "bars": bars(found.months, target),
        "chart_width": (WIDE + 12) * len(found.months) + 12,
        "rows": [(month, list_url(month.first, month.last, target)) for month in reversed(found.months)],
        "all_url": list_url(found.first, found.last, target),
        **_overdue(request, target),
        "reliability": [(one, list_url(found.first, found.last, one.target)) for one in found.targets],
    }
    return TemplateResponse(request, "tovgov/trends.html", context)


def _overdue(request: HttpRequest, target: Target | None) -> dict[str, Any]:
    """Actions whose day has passed, now, for who may see them."""
    if not request.user.has_perm("audit.view_actionitem"):
        return {}
    rows = ActionItem.objects.overdue()
    asked = {"due": "overdue"}
    if target is not None:
        rows = rows.filter(incident__target=target)
        asked["target"] = str(target.pk)
    url = f"{reverse('admin:audit_actionitem_changelist')}?{urlencode(asked)}"
    return {"overdue": rows.count(), "overdue_url": url}


def _months(request: HttpRequest) -> int:
    text = request.GET.get("months", "12")
    if text not in {str(span) for span in trends.SPANS}:
        raise Http404
    return int(text)


def _target(request: HttpRequest) -> Target | None:
    asked = request.GET.get("target", "")
    if not asked:
        return None
    found = Target.objects.filter(pk=int(asked)).first() if asked.isdecimal() and len(asked) < 19 else None
    if found is None:
        raise Http404
    return found


def list_url(first: date, last: date, target: Target | None) -> str:
    """The list of exactly the incidents that a number counts."""
    asked = {"from": first.isoformat(), "to": last.isoformat()}
    if target is not None:
        asked["target__id__exact"] = str(target.pk)
    return f"{reverse('admin:audit_incident_changelist')}?{urlencode(asked)}"


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _weeks(found: Trends) -> int:
    return (_monday(found.last) - _monday(found.first)).days // 7 + 1


def squares(found: Trends, target: Target | None) -> list[Square]:
    """The calendar: a column a week from Monday down, a square a day."""
    start = _monday(found.first)
    return [_square(one, (one.day - start).days // 7, target) for one in found.days]


def _square(one: HeatDay, week: int, target: Target | None) -> Square:
    number = "no incident" if not one.number else "1 incident" if one.number == 1 else f"{one.number} incidents"
    says = f"{one.day.day} {one.day:%b %Y}: {number}" + (f", the worst {one.worst}" if one.worst else "")
    url = list_url(one.day, one.day, target) if one.number else ""
    return Square(LEFT + week * STEP, TOP + one.day.weekday() * STEP, one.worst or "quiet", says, url)


def month_names(found: Trends) -> list[tuple[int, str]]:
    """Where each month's name stands above the calendar."""
    start = _monday(found.first)
    return [(LEFT + (one.first - start).days // 7 * STEP, f"{one.first:%b}") for one in found.months]


def bars(months: Sequence[Month], target: Target | None) -> list[Bar]:
    """The chart by month."""
    most = max((month.number for month in months), default=0) or 1
    return [_bar(place, month, most, target) for place, month in enumerate(months)]


def _bar(place: int, month: Month, most: int, target: Target | None) -> Bar:
    height, critical = month.number / most * HIGH, month.critical / most * HIGH
    says = f"{month.first:%B %Y}: {month.number} incidents, {month.critical} of them critical"
    return Bar(
        x=12 + place * (WIDE + 12),
        y=HIGH + 10 - height,
        height=height,
        critical_y=HIGH + 10 - critical,
        critical_height=critical,
        name=f"{month.first:%b}",
        says=says,
        url=list_url(month.first, month.last, target),
    )
