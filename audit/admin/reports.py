"""Reports: the list of them, a page each, and their files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

import django_tables2 as tables
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.admin.base import actor_of, explain
from audit.admin.exports import answer
from audit.exceptions import NoSuchReport, NotPermitted, TovgovError
from audit.lists.listing import Filter
from audit.models import REPORT_FORMATS, Target
from audit.reports import head, known, make
from audit.reports import scope as scopes
from audit.reports.report import Column, Kind, Report, Row, Scope
from audit.templatetags import format as words
from audit.templatetags.tovgov import page_of, state_badge

SIZE = 50
LAST_PAGE = 200
"""Further than this nobody leafs; a file has it all."""
LONGEST = 160
"""So many characters of a cell are shown; a file has all."""
NUMBER = {"td": {"class": "number"}, "th": {"class": "number"}}


class Cell(tables.Column):  # type: ignore[misc]
    """A value as its column shows it, with a link to its records."""

    def __init__(self, column: Column, scope: Scope) -> None:
        super().__init__(
            verbose_name=column.label, accessor=column.name, orderable=False, default=words.NOTHING,
            attrs=NUMBER if column.kind == Kind.NUMBER else {"td": {"class": _class(column)}},
        )  # fmt: skip
        self.shown, self.scope = column, scope

    def render(self, value: Any, record: Row) -> SafeString | str:
        text = _text(value, self.shown, self.scope)
        url = self.shown.link(record, self.scope) if self.shown.link else ""
        return format_html('<a href="{}">{}</a>', url, text) if url else text


def _class(column: Column) -> str:
    return "nowrap" if column.kind == Kind.MOMENT else "cell-text"


def _text(value: Any, column: Column, scope: Scope) -> SafeString | str:
    if value is None or value == "":
        return words.NOTHING
    if column.kind == Kind.MOMENT and not isinstance(value, str):
        return scope.moment(value)
    if column.kind == Kind.NUMBER and isinstance(value, int):
        return f"{value:,}"
    text = words.visible(str(value))
    text = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    return state_badge(str(value), text[:1].upper() + text[1:]) if column.kind == Kind.STATE else text


def reports_view(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Every report that this person may see."""
    actor = actor_of(request)
    seen = [report for report in known.every().values() if known.may_see(report, actor)]
    if not seen:
        raise PermissionDenied
    context = {
        **site.each_context(request),
        "title": "Reports",
        "reports": [(report, _url(report)) for report in seen],
        "may_send": request.user.has_perm("audit.view_reportschedule"),
        "has_others": len(seen) < len(known.every()),
    }
    return TemplateResponse(request, "tovgov/reports.html", context)


def report_view(request: HttpRequest, site: AdminSite, name: str) -> HttpResponse:
    """One report: its form, its head, one page of its rows. What cannot be asked is said, and nothing is listed."""
    report = _report(request, name)
    actor = actor_of(request)
    context: dict[str, Any] = {
        **site.each_context(request),
        "title": report.title,
        "report": report,
        "reports_url": reverse("admin:reports"),
        "formats": [(one.value, str(one.label)) for one in REPORT_FORMATS] if known.may_export(report, actor) else [],
        "file_url": reverse("admin:report_file", args=[report.name]),
    }
    try:
        asked = scopes.read(report, dict(request.GET.lists()))
    except TovgovError as error:
        messages.error(request, explain(error))
        return TemplateResponse(request, "tovgov/report.html", context | _form(report, request, None))
    context |= _form(report, request, asked) | _table(asked, request.GET.get("page", ""))
    context["head"] = head.of(asked, made_by=actor.name)
    context["permalink"] = f"?{asked.query}"
    return TemplateResponse(request, "tovgov/report.html", context)


def file_view(request: HttpRequest, site: AdminSite, name: str) -> HttpResponseBase:
    """A small report is the answer; a large one is a job, whose page is."""
    if request.method != "POST":
        return HttpResponseRedirect(reverse("admin:report", args=[name]))
    report = _report(request, name)
    query, kind, actor = request.POST.get("query", ""), request.POST.get("format", ""), actor_of(request)
    try:
        asked = scopes.read(report, query)
        if make.is_small(asked):
            return answer(make.direct(asked, kind, actor=actor))
        return HttpResponseRedirect(page_of(make.start(asked, kind, actor=actor)))
    except NotPermitted as error:
        raise PermissionDenied(error.message) from None
    except TovgovError as error:
        messages.error(request, explain(error))
        return HttpResponseRedirect(f"{_url(report)}?{urlencode(parse_qsl(query))}")


def _report(request: HttpRequest, name: str) -> Report:
    """Raises ``Http404`` and ``PermissionDenied``."""
    try:
        report = known.find(name)
        known.require_to_see(report, actor_of(request))
    except NoSuchReport:
        raise Http404 from None
    except NotPermitted as error:
        raise PermissionDenied(f"The report “{report.title}”: {error.message}") from None
    return report


def _url(report: Report) -> str:
    return reverse("admin:report", args=[report.name])


# --- the form --------------------------------------------------------------------------------------------------------


class Question:
    """A filter as the form shows it, with its answer."""

    def __init__(self, one: Filter, answer: str) -> None:
        self.name, self.label, self.hint, self.answer = one.name, one.label, one.hint, answer
        self.kind, self.choices = one.kind, one.choices() if one.kind == "choice" else []


def _form(report: Report, request: HttpRequest, scope: Scope | None) -> dict[str, Any]:
    """What was asked: as it was read, or as it was typed when it could not be read."""
    asked = dict(parse_qsl(scope.query)) if scope else {}
    chosen = {str(target.pk) for target in scope.targets} if scope else set(request.GET.getlist("target"))
    targets = Target.objects.values_list("pk", "name", "is_active") if report.has_targets else []

    def answer(name: str) -> str:
        return asked.get(name) or request.GET.get(name, "")

    return {
        "questions": [Question(one, answer(one.name)) for one in report.filters],
        "targets": [(str(pk), name if active else f"{name} (inactive)", str(pk) in chosen)
                    for pk, name, active in targets],
        "since": answer("from"),
        "until": answer("to"),
        "zone": scope.zone.key if scope else answer("zone"),
        "sort": answer("sort"),
        "is_asked": bool(request.GET),
    }  # fmt: skip


# --- the table -------------------------------------------------------------------------------------------------------


def _table(scope: Scope, asked: str) -> dict[str, Any]:
    """One page of rows: one row more is read, to know whether another page follows. Nothing is counted."""
    number = min(int(asked), LAST_PAGE) if asked.isascii() and asked.isdecimal() and 0 < len(asked) < 6 else 1
    number = max(number, 1)
    rows = scope.report.rows(scope).page(scope.sort, (number - 1) * SIZE, SIZE + 1)
    extra = [(column.name, Cell(column, scope)) for column in scope.report.columns]
    table = tables.Table(rows[:SIZE], extra_columns=extra, template_name="tovgov/report_table.html")
    has_more = len(rows) > SIZE
    return {
        "table": table,
        "headers": [_header(column, scope) for column in scope.report.columns],
        "number": number,
        "first": (number - 1) * SIZE + 1,
        "last": (number - 1) * SIZE + len(rows[:SIZE]),
        "before_url": f"?{_more(scope, page=number - 1)}" if number > 1 else "",
        "after_url": f"?{_more(scope, page=number + 1)}" if has_more and number < LAST_PAGE else "",
        "is_cut": has_more and number >= LAST_PAGE,
        "query": scope.query,
    }


def _header(column: Column, scope: Scope) -> dict[str, Any]:
    """The heading of a column, and the link that sorts by it: the other way round when it is sorted by already."""
    current = scope.sort.removeprefix("-") == column.name
    descending = scope.sort.startswith("-")
    largest_first = column.kind in (Kind.NUMBER, Kind.MOMENT)
    turned = (not descending) if current else largest_first
    return {
        "label": column.label,
        "is_number": column.kind == Kind.NUMBER,
        "url": f"?{_more(scope, sort=('-' if turned else '') + column.name)}",
        "sorted": ("descending" if descending else "ascending") if current else "",
    }


def _more(scope: Scope, **changed: Any) -> str:
    """The permalink with something else in it."""
    kept: Sequence[tuple[str, str]] = [(n, v) for n, v in parse_qsl(scope.query) if n not in changed]
    return urlencode([*kept, *((name, str(value)) for name, value in changed.items())])
