"""What a report is: its columns, its questions, where its rows come from, and what it cannot know."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.urls import reverse

from audit.lists.listing import Filter
from audit.models import Target
from audit.reports.rows import Rows

Row = Mapping[str, Any]

EXPORT = "audit.export_report"
"""Whoever takes a report away needs this beside what its page needs."""


class Kind(StrEnum):
    """How a cell is shown."""

    TEXT = "text"
    NUMBER = "number"
    MOMENT = "moment"
    STATE = "state"
    """A word that has a colour on pages."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column. ``name`` is the key in each row, and what programs read in CSV, Excel and JSON."""

    name: str
    label: str
    kind: Kind = Kind.TEXT
    link: Callable[[Row, Scope], str] | None = None
    """The page of the records behind the cell; "" when there is none."""


@dataclass(frozen=True, slots=True)
class Report:
    """One report. Its page needs all of ``permissions``."""

    name: str
    title: str
    about: str
    permissions: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: Callable[[Scope], Rows]
    gaps: Callable[[Scope], list[str]]
    """What it cannot know, found out for this scope: a sentence each."""
    sort: str
    """The column it is sorted by until somebody chooses another; with "-" the largest first."""
    filters: tuple[Filter, ...] = ()
    counted: str = ""
    """How its records are put into the period, as the end of “In the period by …”. Empty: it shows a state, not a
    period."""
    has_targets: bool = True
    paper: tuple[str, ...] = ()
    """The columns of a PDF, which is as wide as a page. Empty: all of them."""

    @property
    def has_period(self) -> bool:
        return bool(self.counted)

    @property
    def page(self) -> str:
        """What an export of it bears as its page."""
        return f"report.{self.name}"

    @property
    def on_paper(self) -> tuple[Column, ...]:
        """The columns of a PDF."""
        return tuple(column for column in self.columns if not self.paper or column.name in self.paper)

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a person asked of a report, read and checked (``audit.reports.scope``)."""

    report: Report
    zone: ZoneInfo
    sort: str
    now: datetime
    start: datetime | None = None
    """None for a report without a period."""
    end: datetime | None = None
    targets: tuple[Target, ...] = ()
    """Empty: all of them."""
    answers: dict[str, str] = field(default_factory=dict)
    query: str = ""
    """The same as a query string, with its period written out: the permalink."""

    @property
    def span(self) -> tuple[datetime, datetime]:
        """From here to before there, for a report with a period."""
        assert self.start is not None
        assert self.end is not None
        return self.start, self.end

    def within(self, name: str) -> dict[str, Any]:
        """``filter(**…)`` of what lies in the period by the field ``name``."""
        start, end = self.span
        return {f"{name}__gte": start, f"{name}__lt": end}

    def of_targets(self, name: str = "target") -> dict[str, Any]:
        """``filter(**…)`` of what belongs to the chosen targets; nothing when all are meant."""
        return {f"{name}__in": [target.pk for target in self.targets]} if self.targets else {}

    def clause(self) -> list[Any]:
        """The answers to the report's own questions, for ``filter(*…)``. They were checked when they were read."""
        return [one.clause(self.answers[one.name]) for one in self.report.filters if one.name in self.answers]

    def all_targets(self) -> Sequence[Target]:
        """The chosen targets, or every one."""
        return self.targets or list(Target.objects.all())

    def moment(self, value: datetime) -> str:
        """A moment on the clocks of its zone, to the second."""
        return f"{value.astimezone(self.zone):%Y-%m-%d %H:%M:%S}"


def list_url(label: str, **asked: Any) -> str:
    """The admin's list of a model (``audit.Incident``), filtered; what is empty is left out."""
    app, model = label.lower().split(".")
    kept = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in asked.items()}
    query = urlencode({name: value for name, value in kept.items() if value not in ("", None)})
    return reverse(f"admin:{app}_{model}_changelist") + (f"?{query}" if query else "")


def record_url(label: str, pk: Any) -> str:
    """The admin's page of a row; "" when there is none."""
    app, model = label.lower().split(".")
    return reverse(f"admin:{app}_{model}_change", args=[pk]) if pk else ""


def target_column() -> Column:
    """The target's name, which leads to its page."""
    return Column("target", "Target", link=lambda row, scope: record_url("audit.Target", row["target_id"]))
