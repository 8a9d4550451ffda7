"""A page of a list whose words are noted by stretches of rows (``LogWords``), not row by row.

The notes say which stretches may hold what is sought: an index over them answers. These are read, in the list's order,
until the page is full or the time is up. What came last and is not noted yet is looked through as it is, up to
``TAIL`` rows; the page says when there is more of it.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import BooleanField, F, Func, Q
from psycopg import sql

from audit.lists.listing import Listing, Wanted, bounds, lexeme

SECONDS = 0.09
TAIL = 3_000
"""Rows that are not noted yet and are looked through all the same, the newest."""
MOST = 400
"""Stretches that one page looks into, at most."""
STEPS = (4, 8, 16, 32)
"""Stretches that are read at once; the last again and again."""
EVER = (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC))
LAST = 10**18 - 1
"""Beyond every id."""
ANYTHING = "T"
"""What PostgreSQL says of a question that only leaves words out."""
BESIDE = re.compile(r" <(?:-|\d+)> ")
LEXEME = re.compile(r"'((?:[^']|'')*)'")
PLAIN = re.compile(r"[a-z0-9_.@-]+")
HOLDING = """
SELECT number, {edge} FROM {table} WHERE (words @@ %s::tsquery OR words IS NULL) AND from_at <= %s AND to_at >= %s
 ORDER BY {edge} {way}, number {way} LIMIT %s
"""

Key = tuple[Any, ...]


@dataclass(slots=True)
class Found:
    """Keys of rows in the direction asked for; where the search ended, when it did not come to the end of the list;
    and how many rows were not looked into because their words are not noted yet."""

    keys: list[Key]
    end: Key | None = None
    unnoted: int = 0


@dataclass(frozen=True, slots=True)
class Stretch:
    """Rows whose ids, divided by the stretches' length, are ``number``; ``edge`` is where they begin in the list."""

    number: int
    edge: datetime


class Contains(Func):
    """Whether the texts of a row contain some signs, in any case: a tenth of the work of taking its words apart."""

    output_field = BooleanField()

    def __init__(self, signs: str, *fields: str) -> None:
        super().__init__(*(F(name) for name in fields))
        self.signs = signs

    def as_sql(self, compiler: Any, connection: Any, **more: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        fields = " || ' ' || ".join(compiler.compile(one)[0] for one in self.get_source_expressions())
        return f"strpos(lower({fields}), %s) > 0", [self.signs]


@dataclass
class Search:
    """One question to a list, and the side of a key on which the answer is sought."""

    listing: Listing
    wanted: Wanted
    key: list[Any]
    upwards: bool
    limit: int
    keys: list[Key] = field(default_factory=list)
    signs: list[Contains] = field(default_factory=list)

    @property
    def notes(self) -> Any:
        assert self.listing.noted is not None
        return self.listing.noted

    def run(self) -> Found | None:
        """What fits; None when the notes cannot tell, or are not there yet."""
        asked = question(self.listing, self.wanted)
        noted = self._noted()
        if asked is None or noted is None:
            return None
        if not asked:
            return Found([])
        self.signs = [Contains(sign, *self.listing.words[1:]) for sign in signs(words_of(self.wanted))]
        began = time.monotonic()
        unnoted = self._tail(noted)
        stretches = self._holding(asked)
        done, step = 0, 0
        while done < len(stretches) and not self._is_full(stretches[done].edge):
            if done and time.monotonic() - began > SECONDS:
                break
            some = stretches[done : done + STEPS[min(step, len(STEPS) - 1)]]
            self._read(some)
            done, step = done + len(some), step + 1
        ahead = stretches[done:] or stretches[MOST - 1 :]
        return self._found(ahead[0].edge if ahead else None, unnoted)

    def _found(self, edge: datetime | None, unnoted: int) -> Found | None:
        """What is on this side of ``edge``, where nothing was looked into any more."""
        self.keys.sort(reverse=not self.upwards)
        if edge is None:
            return Found(self.keys[: self.limit], None, unnoted)
        keys = [key for key in self.keys if (key[0] < edge if self.upwards else key[0] > edge)]
        end = (edge, 0 if self.upwards else LAST)
        if len(keys) < self.limit and self.key and self.key[0] == edge:
            return None  # thousands in one moment: no way forward here
        return Found(keys[: self.limit], end if len(keys) < self.limit else None, unnoted)

    def _is_full(self, edge: datetime) -> bool:
        """Whether a page is found before ``edge``."""
        return sum(1 for key in self.keys if (key[0] < edge if self.upwards else key[0] > edge)) >= self.limit

    # --- reading ------------------------------------------------------------------------------------------------------

    def _noted(self) -> int | None:
        """The first id that is not noted."""
        newest = self.notes.objects.order_by("-pk").values_list("pk", flat=True).first()
        return None if newest is None else (newest + 1) * self.notes.STRETCH

    def _tail(self, noted: int) -> int:
        """Look through the newest rows that are not noted; how many others there are."""
        ids = self.listing.model._default_manager.filter(pk__gte=noted).order_by("-pk").values_list("pk", flat=True)
        last = ids.first()
        if last is None:
            return 0
        first = max(noted, last - TAIL + 1)
        self._add(Q(pk__gte=first))
        return int(first - noted)

    def _holding(self, asked: str) -> list[Stretch]:
        """The stretches that may hold what is sought, in the list's order."""
        since, until = bounds(self.wanted)
        since, until = since or EVER[0], until or EVER[1]
        if self.key:
            since, until = (max(since, self.key[0]), until) if self.upwards else (since, min(until, self.key[0]))
        words = {
            "table": sql.Identifier(self.notes._meta.db_table),
            "edge": sql.Identifier("from_at" if self.upwards else "to_at"),
            "way": sql.SQL("ASC" if self.upwards else "DESC"),
        }
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL(HOLDING).format(**words), [asked, until, since, MOST])
            return [Stretch(number, edge) for number, edge in cursor.fetchall()]

    def _read(self, stretches: list[Stretch]) -> None:
        size, clause = self.notes.STRETCH, Q()
        for one in stretches:
            clause |= Q(pk__gte=one.number * size, pk__lt=(one.number + 1) * size)
        self._add(clause)

    def _add(self, clause: Q) -> None:
        """The keys of what fits among these rows. Neither sorted nor limited: an index in the list's order would be
        walked to its end."""
        rows = self.listing.rows(self.wanted).filter(clause, *self.signs).order_by().values_list(*self.listing.order)
        key = tuple(self.key)
        self.keys += [one for one in rows if not key or (one > key if self.upwards else one < key)]


def answers(listing: Listing, wanted: Wanted) -> bool:
    """Whether the notes of ``listing`` help: there are words, or an answer that no index of the list itself knows."""
    if listing.noted is None or any(one.is_few and one.name in wanted.filters for one in listing.filters):
        return False
    marked = any(one.marks and not one.is_indexed and one.name in wanted.filters for one in listing.filters)
    return marked or listing.has_words(wanted)


def words_of(wanted: Wanted) -> str:
    """The words that are asked for, as the text of a tsquery without those that are to be left out: ``T`` when there
    are no others."""
    if not wanted.words:
        return ""
    with connection.cursor() as cursor:
        cursor.execute("SELECT querytree(websearch_to_tsquery('pg_catalog.simple', %s))", [wanted.words])
        return str(cursor.fetchone()[0])


def signs(words: str) -> list[str]:
    """What the text of every row that fits contains, in lower case: words of plain signs, as long as each is needed."""
    between = LEXEME.sub("", words)
    return [] if "|" in between else [one for one in LEXEME.findall(words) if PLAIN.fullmatch(one)]


def question(listing: Listing, wanted: Wanted) -> str | None:
    """What a stretch must hold, as the text of a tsquery: every word somewhere in it, and every mark. Empty when no
    row can fit, None when nothing can be asked of stretches."""
    parts = []
    if wanted.words:
        words = words_of(wanted)
        if not words:
            return ""
        if words != ANYTHING:
            parts.append(BESIDE.sub(" & ", words))  # in a row the words stand in an order, in a stretch in none
    for one in listing.filters:
        if one.marks and one.name in wanted.filters:
            parts.append(" | ".join(lexeme(mark) for mark in one.marks(wanted.filters[one.name])))
    return " & ".join(f"({part})" for part in parts) or None
