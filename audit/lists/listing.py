"""What a long list is: its order, its filters, its full-text search, and the columns of its export.

The admin, the commands and the exports read the same query string through the same ``Listing``; none has filters of
its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode

from django.db.models import BooleanField, F, Func, Model, Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from audit.exceptions import FilterInvalid

LONGEST = 400
"""Characters of one answer."""

WORDS = "q"
"""The parameter of the full-text search."""


EXACT = "\x1f"
"""Stands before a name that is among the words exactly as it is (migration ``0004_search``)."""


@dataclass(frozen=True, slots=True)
class Filter:
    """One question of a list. ``clause`` raises ``ValueError`` with a sentence for an answer that does not fit."""

    name: str
    label: str
    clause: Callable[[str], Q]
    kind: str = "text"
    """text, choice or moment: how it is asked."""
    choices: Callable[[], list[tuple[str, str]]] = list
    is_indexed: bool = False
    """An index of its own has the list's order: a walk along the list may begin with it."""
    hint: str = ""
    absent: Q | None = None
    """What holds while nobody has answered: this hides rows, and the page says how many."""
    hidden: str = ""
    """The answer that lists the hidden rows alone."""
    shown: str = ""
    """The answer that hides nothing."""
    marks: Callable[[str], list[str]] | None = None
    """For a list that is ``noted``: the marks of rows that fit an answer, any of them (``0011_log_words``)."""
    is_few: bool = False
    """So few rows have one answer that a walk along its index is quick."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an export. Text is defused where a spreadsheet would take it for a formula."""

    name: str
    path: str
    is_text: bool = True


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person asked of a list: answers by filter, and words."""

    filters: dict[str, str]
    words: str = ""

    @property
    def is_everything(self) -> bool:
        return not self.filters and not self.words

    @property
    def query(self) -> str:
        """As a query string: what a permalink, a saved filter and an export keep."""
        return urlencode(sorted(self.filters.items()) + ([(WORDS, self.words)] if self.words else []))


class Matches(Func):
    """Whether the words of a row, as an index has them, hold what was asked."""

    output_field = BooleanField()

    def __init__(self, function: str, *fields: str, query: str, exact: str = "", config: str = "simple") -> None:
        super().__init__(*(F(name) for name in fields))
        self.words_function, self.asked, self.exact, self.config = function, query, exact, config

    def as_sql(self, compiler: Any, connection: Any, **more: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        fields = ", ".join(compiler.compile(field)[0] for field in self.get_source_expressions())
        parts, values = [], []
        if self.asked:
            parts, values = [f"websearch_to_tsquery('pg_catalog.{self.config}', %s)"], [self.asked]
        if self.exact:
            parts, values = [*parts, "%s::tsquery"], [*values, lexeme(EXACT + self.exact[:200])]
        return f"{self.words_function}({fields}) @@ ({' && '.join(parts)})", values


def lexeme(word: str) -> str:
    """``word`` exactly as it is, as text of a tsquery."""
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"


@dataclass(frozen=True)
class Listing:
    """One long list, newest first."""

    page: str
    """The URL name's stem, for example audit_deleteauditlog."""
    model: type[Model]
    order: tuple[str, ...]
    """Fields that an index has in this order; each is walked downwards. The last is unique."""
    filters: tuple[Filter, ...]
    columns: tuple[Column, ...]
    export_permission: str
    related: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    """Large fields that a page of the list does not need."""
    words: tuple[str, ...] = ()
    """The SQL function of the words and its fields; empty for a list without full-text search."""
    words_hint: str = ""
    words_config: str = "simple"
    """The text search configuration of the SQL function."""
    exact_words: str = ""
    """The filter whose answer is looked up among the words, exactly as it is."""
    noted: type[Model] | None = None
    """Where the words and marks of its rows are noted, stretch by stretch (``LogWords``)."""

    @property
    def name(self) -> str:
        """What people call it."""
        return str(self.model._meta.verbose_name_plural)

    def read(self, asked: Mapping[str, Any] | str) -> Wanted:
        """A query string or ``request.GET`` as answers to this list's questions; whatever else it holds is left out."""
        if isinstance(asked, str):
            asked = {name: values[-1] for name, values in parse_qs(asked).items()}
        answers = {f.name: str(asked.get(f.name, "")).strip().replace("\0", "") for f in self.filters}
        words = str(asked.get(WORDS, "")).strip().replace("\0", "")[:LONGEST] if self.words else ""
        return Wanted({name: answer for name, answer in answers.items() if answer}, words)

    def rows(self, wanted: Wanted, *, with_words: bool = True) -> QuerySet[Any]:
        """Every row that fits, in no order. Raises ``FilterInvalid``."""
        found = self.model._default_manager.filter(self.clause(wanted))
        if with_words and self.has_words(wanted):
            found = found.filter(self.matches(wanted))
        return found

    def clause(self, wanted: Wanted, *, indexed_only: bool = False) -> Q:
        """The filters without the words. Raises ``FilterInvalid``."""
        found = Q()
        for one in self.filters:
            answer = wanted.filters.get(one.name)
            if answer is not None and len(answer) > LONGEST:
                raise FilterInvalid(f"{one.label}: an answer has at most {LONGEST} characters.", filter=one.name)
            if one.name == self.exact_words or (indexed_only and not one.is_indexed):
                continue
            if answer is None:
                found &= one.absent or Q()
                continue
            try:
                found &= one.clause(answer)
            except ValueError as error:
                raise FilterInvalid(f"{one.label}: {error}", filter=one.name) from None
        return found

    @property
    def hiding(self) -> Filter | None:
        """The filter that hides rows until somebody answers it."""
        return next((one for one in self.filters if one.absent is not None), None)

    def is_whole(self, wanted: Wanted) -> bool:
        """Whether the list shows every row of its table."""
        return wanted.is_everything and self.hiding is None

    def hidden(self, wanted: Wanted) -> Wanted | None:
        """What would list the rows that this list hides; None when it hides none."""
        one = self.hiding
        if one is None or one.name in wanted.filters:
            return None
        return Wanted(wanted.filters | {one.name: one.hidden}, wanted.words)

    def has_words(self, wanted: Wanted) -> bool:
        return bool(wanted.words or wanted.filters.get(self.exact_words))

    def matches(self, wanted: Wanted) -> Matches:
        """The full-text condition."""
        exact = wanted.filters.get(self.exact_words, "")
        return Matches(*self.words, query=wanted.words, exact=exact, config=self.words_config)

    @property
    def ordering(self) -> tuple[str, ...]:
        return tuple(f"-{name}" for name in self.order)


# --- answers ---------------------------------------------------------------------------------------------------------


def moment(text: str, *, end: bool = False) -> datetime:
    """A date or a moment that a person typed; ``end`` makes a date the end of its day. Raises ``ValueError``."""
    found = parse_datetime(text) if "T" in text or ":" in text else None
    if found is None:
        day = parse_date(text)
        if day is None:
            raise ValueError(f"“{text}” is no date; write 2026-03-12 or 2026-03-12 06:00.")
        found = datetime.combine(day + timedelta(days=1) if end else day, time())
    return found if timezone.is_aware(found) else timezone.make_aware(found)


def since(field: str) -> Filter:
    """From this moment on."""
    return Filter("from", "From", lambda text: Q(**{f"{field}__gte": moment(text)}), "moment", is_indexed=True)


def until(field: str) -> Filter:
    """Before this moment, or to the end of this day."""
    return Filter("to", "To", lambda text: Q(**{f"{field}__lt": moment(text, end=True)}), "moment", is_indexed=True)


def bounds(wanted: Wanted) -> tuple[datetime | None, datetime | None]:
    """From when and until when rows are wanted."""
    since, until = wanted.filters.get("from"), wanted.filters.get("to")
    return moment(since) if since else None, moment(until, end=True) if until else None


def number(text: str) -> int:
    """A whole number that fits a row's id. Raises ``ValueError``."""
    if not text.isdecimal() or len(text) > 18:
        raise ValueError(f"“{text[:20]}” is no number.")
    return int(text)
