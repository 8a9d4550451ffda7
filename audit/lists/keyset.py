"""One page of a long list, found along an index: no OFFSET, no full count, and a bound on what is looked through.

A page is asked for by the key of the row next to it. Four ways lead there:

* the index that has the list's order, with the filters beside it: the usual one;
* the full-text index, as long as at most ``CANDIDATES`` rows hold the words: it knows no order, and a common word
  would have millions sorted;
* notes of the words of stretches of rows, where a list has them (``stretches``);
* a walk along the list's own index, chunk by chunk, until the page is full or ``BUDGET`` is spent: for common words,
  and when the others would take longer than ``PATIENCE``. Its page may hold less than would fit, and says so; the next
  page goes on where the walk ended.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, repeat
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import Q, QuerySet
from psycopg.errors import QueryCanceled

from audit.exceptions import FilterInvalid, ListTooSlow
from audit.lists import stretches
from audit.lists.listing import Listing, Wanted

SIZE = 50
CAP = 10_000
CANDIDATES = 10_000
PATIENCE = 0.1  # seconds
BUDGET = 0.07  # seconds
CHUNKS = (250, 1_000, 2_000)  # rows that a walk looks through at a time; the last again and again
ESTIMATED_FROM = 100_000

Key = tuple[Any, ...]
"""The values of a list's order for one row; the last is its id."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many rows fit: exactly, about, or at least so many."""

    number: int
    sign: str = ""

    def __str__(self) -> str:
        return f"{self.sign}{self.number:,}"


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, newest first, and the keys that lead on; an empty key means that there is nothing that way."""

    rows: list[Any]
    older: str
    newer: str
    note: str = ""
    number: Count | None = None
    """How many rows fit in all; None when that was not asked, or takes too long to say."""


@dataclass(frozen=True, slots=True)
class _Found:
    """Rows in the direction asked for; where a walk ended, and how many rows it looked through."""

    rows: list[Any]
    end: str = ""
    looked: int = 0
    back_to: datetime | None = None
    """Where a search in stretches ended."""
    unnoted: int = 0
    """Rows that it did not look into: their words are not noted yet."""
    is_noted: bool = False

    @property
    def is_all(self) -> bool:
        """Whether a search in stretches came to the end of the list."""
        return self.is_noted and not self.end and not self.unnoted


def page(
    listing: Listing, wanted: Wanted, *, older: str = "", newer: str = "", size: int = SIZE, counted: bool = False
) -> Page:
    """The rows just older than the key ``older``, or just newer than ``newer``, or the newest; with ``counted``, how
    many there are in all.

    Raises ``FilterInvalid`` for an answer or a key that does not fit."""
    listing.clause(wanted)  # refused before anything is read
    key, upwards = read_key(listing, newer or older), bool(newer)
    holding = None
    found = _in_stretches(listing, wanted, key, upwards, size + 1)
    if found is None:
        holding = candidates(listing, wanted) if listing.has_words(wanted) else None
        if holding is not None:
            found = _among(listing, wanted, holding, key, upwards, size + 1)
        else:
            found = _find(listing, wanted, key, upwards, size + 1)
    rows = found.rows[:size]
    beyond = key_of(listing, rows[-1]) if len(found.rows) > size else found.end
    number = _number_of(listing, wanted, found, holding, size, is_first=not key) if counted else None
    note = _note(found, size, upwards)
    if upwards:
        rows.reverse()
        return Page(rows, key_of(listing, rows[-1]) if rows else newer, beyond, note, number)
    return Page(rows, beyond, key_of(listing, rows[0]) if rows and older else older, note, number)


def _in_stretches(listing: Listing, wanted: Wanted, key: list[Any], upwards: bool, limit: int) -> _Found | None:
    """By the notes of stretches; None when there are none, or they do not help."""
    if not stretches.answers(listing, wanted):
        return None
    try:
        with patience():
            found = stretches.Search(listing, wanted, key, upwards, limit).run()
            if found is None:
                return None
            among = listing.model._default_manager.filter(pk__in=[one[-1] for one in found.keys])
            rows = list(_ordered(listing, among, [], upwards))
    except ListTooSlow:
        return None
    end = found.end
    return _Found(rows, write_key(list(end)) if end else "", 0, end[0] if end else None, found.unnoted, is_noted=True)


def _find(listing: Listing, wanted: Wanted, key: list[Any], upwards: bool, limit: int) -> _Found:
    """Along the index that has the list's order, as long as that is quick."""
    if listing.has_words(wanted):
        return _walk(listing, wanted, key, upwards, limit)
    try:
        with patience():
            return _Found(list(_ordered(listing, listing.rows(wanted), key, upwards)[:limit]))
    except ListTooSlow:
        return _walk(listing, wanted, key, upwards, limit)


def _among(listing: Listing, wanted: Wanted, holding: list[Key], key: list[Any], upwards: bool, limit: int) -> _Found:
    """Among the rows that hold the words, in the list's order: only those of the page are read."""
    ahead = [one for one in holding if not key or (one > tuple(key) if upwards else one < tuple(key))]
    ahead.sort(reverse=not upwards)
    fitting = listing.rows(wanted, with_words=False)
    rows: list[Any] = []
    step = limit if not listing.clause(wanted) else 10 * limit
    for start in range(0, len(ahead), step):
        pks = [one[-1] for one in ahead[start : start + step]]
        rows += _ordered(listing, fitting.filter(pk__in=pks), [], upwards)[: limit - len(rows)]
        if len(rows) >= limit:
            break
    return _Found(rows)


def _walk(listing: Listing, wanted: Wanted, key: list[Any], upwards: bool, limit: int) -> _Found:
    """What fits among the next rows of the list, as many as the budget allows."""
    path = listing.model._default_manager.filter(listing.clause(wanted, indexed_only=True))
    fitting = listing.rows(wanted)
    rows: list[Any] = []
    looked, began = 0, time.monotonic()
    for chunk in chain(CHUNKS, repeat(CHUNKS[-1])):
        ahead = _ordered(listing, path, key, upwards, whole=False)
        last = list(ahead.values_list(*listing.order)[chunk - 1 : chunk])
        among = fitting.filter(pk__in=ahead.values("pk")[:chunk])
        rows += _ordered(listing, among, [], upwards)[: limit - len(rows)]
        looked += chunk
        if not last or len(rows) >= limit:
            return _Found(rows, "", looked)
        key = list(last[0])
        if time.monotonic() - began > BUDGET:
            break
    return _Found(rows, write_key(key), looked)


def _note(found: _Found, size: int, upwards: bool) -> str:
    missing = (
        f"The words of {found.unnoted:,} lines that came last are not noted yet: they were not looked through. "
        "A worker is at it; ask again in some minutes."
        if found.unnoted
        else ""
    )
    if not found.end or len(found.rows) > size:
        return missing
    way = "newer" if upwards else "older"
    if found.back_to:
        return (
            f"Filters and words that few rows fit together: this fits {'before' if upwards else 'after'} "
            f"{found.back_to:%Y-%m-%d %H:%M} UTC. Go on to {way} ones below, or narrow it. {missing}"
        ).strip()
    return (
        f"A common word, or filters that few rows fit together: this fits among the next {found.looked:,} rows. "
        f"Go on to {way} ones below, or narrow it by a rarer word, a target or a time."
    )


def candidates(listing: Listing, wanted: Wanted) -> list[Key] | None:
    """Keys of the rows that hold the words; None when there are more than ``CANDIDATES`` of them."""
    rows = listing.model._default_manager.filter(listing.matches(wanted)).order_by().values_list(*listing.order)
    if _expected(rows) > 2 * CANDIDATES:
        return None
    try:
        with patience(enable_seqscan="off", enable_indexscan="off"):
            found = list(rows[: CANDIDATES + 1])
    except ListTooSlow:
        return None
    return found if len(found) <= CANDIDATES else None


def _expected(rows: QuerySet[Any, Any]) -> int:
    """Rows that the planner expects: it knows the common words."""
    return int(json.loads(rows.explain(format="json"))[0]["Plan"]["Plan Rows"])


def _ordered(
    listing: Listing, rows: QuerySet[Any], key: list[Any], upwards: bool, *, whole: bool = True
) -> QuerySet[Any]:
    order = listing.order if upwards else listing.ordering
    rows = rows.order_by(*order).filter(beyond(listing, key, upwards=upwards))
    return rows.select_related(*listing.related).defer(*listing.left_out) if whole else rows


def beyond(listing: Listing, key: list[Any], *, upwards: bool) -> Q:
    """Rows on the far side of ``key`` in the list's order; the first comparison alone bounds the index."""
    if not key:
        return Q()
    sign = "gt" if upwards else "lt"
    found, equal = Q(), Q()
    for name, value in zip(listing.order, key, strict=True):
        found |= equal & Q(**{f"{name}__{sign}": value})
        equal &= Q(**{name: value})
    return found if len(key) == 1 else Q(**{f"{listing.order[0]}__{sign}e": key[0]}) & found


# --- keys ------------------------------------------------------------------------------------------------------------


def key_of(listing: Listing, row: Any) -> str:
    """A row's place in the list, as text for a link."""
    return write_key([getattr(row, name) for name in listing.order])


def write_key(values: list[Any]) -> str:
    return "~".join(value.isoformat() if isinstance(value, datetime) else str(value) for value in values)


def read_key(listing: Listing, text: str) -> list[Any]:
    """The values of a key. Raises ``FilterInvalid`` for one that no link of ours has."""
    if not text:
        return []
    parts = text.split("~")
    fields = [listing.model._meta.get_field(name) for name in listing.order]
    try:
        if len(parts) != len(fields):
            raise ValueError
        values = [_value(field, part) for field, part in zip(fields, parts, strict=True)]
    except ValueError:
        raise FilterInvalid("This place in the list does not exist.") from None
    return values


def _value(field: Any, text: str) -> Any:
    if field.get_internal_type() != "DateTimeField":
        return int(text) if text.isdecimal() and len(text) < 19 else int("")
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else int("")


# --- how many --------------------------------------------------------------------------------------------------------


def count(listing: Listing, wanted: Wanted) -> Count | None:
    """How many rows fit: about (all of a large table), exactly up to ``CAP``, or None when counting takes too long.
    Raises ``FilterInvalid``."""
    holding = candidates(listing, wanted) if listing.has_words(wanted) else None
    return _number(listing, wanted, holding, is_walk=listing.has_words(wanted) and holding is None)


def hidden(listing: Listing, wanted: Wanted) -> Count | None:
    """How many rows the list hides until somebody asks for them; None when counting takes too long, or it hides none.
    Raises ``FilterInvalid``."""
    apart = listing.hidden(wanted)
    if apart is None or listing.has_words(wanted):
        return None
    return _number(listing, apart, None, is_walk=False, seconds=PATIENCE / 3)


def _number_of(
    listing: Listing, wanted: Wanted, found: _Found, holding: list[Key] | None, size: int, *, is_first: bool
) -> Count | None:
    """How many rows fit, when that is known or quickly counted."""
    if found.is_all and is_first and len(found.rows) <= size:
        return Count(len(found.rows))
    if found.is_noted:
        return (
            None if listing.has_words(wanted) else _number(listing, wanted, None, is_walk=False, seconds=PATIENCE / 3)
        )
    return _number(listing, wanted, holding, is_walk=bool(found.looked))


def _number(
    listing: Listing, wanted: Wanted, holding: list[Key] | None, *, is_walk: bool, seconds: float = PATIENCE
) -> Count | None:
    if is_walk:
        return None
    if holding is not None and not listing.clause(wanted):
        return Count(len(holding))
    if listing.is_whole(wanted):
        about = estimate(listing)
        if about >= ESTIMATED_FROM:
            return Count(about, "about ")
    rows = listing.rows(wanted, with_words=False)
    rows = rows if holding is None else rows.filter(pk__in=[key[-1] for key in holding])
    try:
        with patience(seconds):
            number = rows.order_by()[: CAP + 1].count()
    except ListTooSlow:
        return None
    return Count(number) if number <= CAP else Count(CAP, "more than ")


def estimate(listing: Listing) -> int:
    """Rows of the whole table as the planner knows them; -1 before its first analysis."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [listing.model._meta.db_table]
        )
        return int(cursor.fetchone()[0])


@contextmanager
def patience(seconds: float = PATIENCE, **settings: str) -> Iterator[None]:
    """Queries inside end after so many seconds, with ``ListTooSlow``; nothing outside of the block notices."""
    wanted = {"statement_timeout": str(int(seconds * 1000)), "jit": "off", **settings}
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            names = list(wanted)
            cursor.execute("SELECT " + ", ".join(["current_setting(%s)"] * len(names)), names)
            before = dict(zip(names, cursor.fetchone(), strict=True))
            _set(cursor, wanted)
            yield
            _set(cursor, before)
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise ListTooSlow from None
        raise


def _set(cursor: Any, settings: dict[str, str]) -> None:
    calls = ", ".join(["set_config(%s, %s, true)"] * len(settings))
    cursor.execute(f"SELECT {calls}", [word for pair in settings.items() for word in pair])
