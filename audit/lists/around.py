"""Everything around one moment of a target: deletes, connections, log lines and what tovgov itself did, in one line of
time, walked by keys."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Model, Q, QuerySet

from audit import registry
from audit.exceptions import FilterInvalid, ListTooSlow
from audit.lists import keyset
from audit.models import (
    Alert,
    ConnectionAuditLog,
    ConnectionGroup,
    DeleteAuditTransaction,
    Incident,
    MaintenanceWindow,
    ProtectionRun,
    ServerLogEntry,
    ServerLogGroup,
    Target,
    Undelete,
)

SIZE = 60
MINUTES = (1, 5, 15, 60, 360)
FEW = 500
"""So many of each small kind are looked at in one stretch of time."""

Key = tuple[datetime, int, int]
"""Moment, rank of the kind, id."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened. ``what`` says what it was when the row alone does not: opened, closed, started …"""

    at: datetime
    rank: int
    pk: int
    kind: str
    row: Any
    what: str = ""

    @property
    def key(self) -> Key:
        return (self.at, self.rank, self.pk)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A page of the line of time, oldest first, and the keys that lead on."""

    moments: list[Moment]
    older: str = ""
    newer: str = ""
    hidden: keyset.Count | None = None
    """How many entries nobody has to look at are left out; None when none are, or that takes too long to say."""
    hides: bool = False


LARGE: tuple[tuple[str, type[Model]], ...] = (
    ("delete", DeleteAuditTransaction),
    ("connection", ConnectionAuditLog),
    ("log", ServerLogEntry),
)
GROUPS: dict[type[Model], type[Model]] = {ConnectionAuditLog: ConnectionGroup, ServerLogEntry: ServerLogGroup}
LEFT_OUT: dict[type[Model], tuple[str, ...]] = {ServerLogEntry: ("query", "more", "detail")}
SMALL: tuple[tuple[type[Model], tuple[tuple[str, str], ...]], ...] = (
    (MaintenanceWindow, (("opened_at", "opened"), ("closed_at", "closed"))),
    (Alert, (("opened_at", "raised"), ("resolved_at", "over"))),
    (Incident, (("opened_at", "opened"), ("closed_at", "closed"))),
    (ProtectionRun, (("started_at", "began"), ("finished_at", "ended"))),
    (Undelete, (("started_at", "began"), ("finished_at", "ended"))),
)


def of(
    target: Target, at: datetime, *, minutes: int, kinds: Iterable[type[Model]], noise: bool = False, older: str = "",
    newer: str = "", size: int = SIZE,
) -> Stretch:  # fmt: skip
    """What happened from ``minutes`` before ``at`` to as many after: around ``at`` itself, or beyond a key. ``kinds``
    are the models that the person may see. Raises ``FilterInvalid``."""
    line = _Line(target, at - timedelta(minutes=minutes), at + timedelta(minutes=minutes), set(kinds), noise)
    if older:
        before = line.take(read_key(older), upwards=False, limit=size + 1)
        found = before[:size][::-1]
        keys = (write_key(found[0].key) if len(before) > size else "", write_key(found[-1].key) if found else "")
    elif newer:
        after = line.take(read_key(newer), upwards=True, limit=size + 1)
        found = after[:size]
        keys = (write_key(found[0].key) if found else "", write_key(found[-1].key) if len(after) > size else "")
    else:
        middle = (at, -1, 0)
        half = size // 2
        before = line.take(middle, upwards=False, limit=half + 1)
        after = line.take(middle, upwards=True, limit=half + 1)
        found = before[:half][::-1] + after[:half]
        keys = (
            write_key(found[0].key) if len(before) > half else "",
            write_key(found[-1].key) if len(after) > half else "",
        )
    return Stretch(found, *keys, hidden=None if noise else line.hidden(), hides=not noise and line.has_noise())


# --- what there is between two moments -------------------------------------------------------------------------------


def entries(
    model: type[Model], target: Target, start: datetime, end: datetime, *, noise: bool = False
) -> QuerySet[Any]:
    """Entries of one of the large logs; those that nobody has to look at with ``noise`` only. A connection that two
    sources tell of is there once."""
    rows = model._default_manager.filter(target=target, at__gte=start, at__lte=end)
    if model is ConnectionAuditLog:
        rows = rows.filter(same_as=None)
    if model in GROUPS and not noise:
        rows = rows.filter(of_group__in=groups(model, target, start, end).filter(is_noise=False).values("pk"))
    return rows


def groups(model: type[Model], target: Target, start: datetime, end: datetime) -> QuerySet[Any]:
    """The groups of the days that the two moments touch."""
    days = (start.astimezone(UTC).date(), end.astimezone(UTC).date())
    return GROUPS[model]._default_manager.filter(target=target, day__range=days)


def few(
    target: Target, start: datetime, end: datetime, *, kinds: Collection[type[Model]] | None = None
) -> list[Moment]:
    """What happens seldom, looked at as a whole; of these ``kinds`` only."""
    found = [
        Moment(getattr(row, name), rank, row.pk, str(model._meta.verbose_name), row, word)
        for rank, (model, names) in enumerate(SMALL, 100)
        if kinds is None or model in kinds
        for name, word in names
        for row in model._default_manager.filter(target=target, **{f"{name}__gte": start, f"{name}__lte": end})[:FEW]
    ]
    for teller in registry.moments:
        found += [
            Moment(at, 200, row.pk, str(row._meta.verbose_name), row, word)
            for at, row, word in teller(target, start, end)
            if kinds is None or type(row) in kinds
        ]
    return found


class _Line:
    """The line of time of one target between two moments."""

    def __init__(self, target: Target, start: datetime, end: datetime, kinds: set[type[Model]], noise: bool) -> None:
        self.target, self.start, self.end, self.kinds, self.noise = target, start, end, kinds, noise

    def take(self, key: Key, *, upwards: bool, limit: int) -> list[Moment]:
        """The next moments beyond ``key``, the nearest first."""
        sources = [
            self._large(rank, name, model, key, upwards, limit)
            for rank, (name, model) in enumerate(LARGE)
            if model in self.kinds
        ]
        small = [one for one in self._few() if (one.key > key if upwards else one.key < key)]
        merged = heapq.merge(
            *sources,
            sorted(small, key=lambda one: one.key, reverse=not upwards),
            key=lambda one: one.key,
            reverse=not upwards,
        )
        return [moment for _, moment in zip(range(limit), merged, strict=False)]

    def _large(self, rank: int, name: str, model: type[Model], key: Key, upwards: bool, limit: int) -> Sequence[Moment]:
        rows = self._rows(model).filter(_beyond(rank, key, upwards)).defer(*LEFT_OUT.get(model, ()))
        order = ("at", "id") if upwards else ("-at", "-id")
        return [Moment(row.at, rank, row.pk, name, row) for row in rows.order_by(*order)[:limit]]

    def _rows(self, model: type[Model], *, noise: bool | None = None) -> QuerySet[Any]:
        return entries(model, self.target, self.start, self.end, noise=self.noise if noise is None else noise)

    def _groups(self, model: type[Model]) -> QuerySet[Any]:
        return groups(model, self.target, self.start, self.end)

    def _few(self) -> list[Moment]:
        return few(self.target, self.start, self.end, kinds=self.kinds)

    # --- what is left out ------------------------------------------------------------------------------------------

    def has_noise(self) -> bool:
        """Whether something of these days is hidden."""
        return any(self._groups(model).filter(is_noise=True).exists() for model in GROUPS if model in self.kinds)

    def hidden(self) -> keyset.Count | None:
        """How many entries are left out, up to ``keyset.CAP``."""
        number = 0
        try:
            with keyset.patience(keyset.PATIENCE / 3):
                for model in GROUPS:
                    if model in self.kinds:
                        quiet = self._groups(model).filter(is_noise=True).values("pk")
                        rows = self._rows(model, noise=True).filter(of_group__in=quiet)
                        number += rows.order_by()[: keyset.CAP + 1].count()
        except ListTooSlow:
            return None
        return keyset.Count(number) if number <= keyset.CAP else keyset.Count(keyset.CAP, "more than ")


def _beyond(rank: int, key: Key, upwards: bool) -> Q:
    """Rows of the kind ``rank`` on the far side of ``key``; the first comparison alone bounds the index."""
    at, other, pk = key
    sign = "gt" if upwards else "lt"
    if rank == other:
        return Q(**{f"at__{sign}e": at}) & (Q(**{f"at__{sign}": at}) | Q(at=at, **{f"id__{sign}": pk}))
    at_once = rank > other if upwards else rank < other
    return Q(**{f"at__{sign}e" if at_once else f"at__{sign}": at})


def write_key(key: Key) -> str:
    return f"{key[0].isoformat()}~{key[1]}~{key[2]}"


def read_key(text: str) -> Key:
    """Raises ``FilterInvalid`` for what no link of ours has."""
    try:
        at, rank, pk = text.split("~")
        found = datetime.fromisoformat(at)
        if found.tzinfo is None or len(pk) > 19:
            raise ValueError
        return found, int(rank), int(pk)
    except ValueError:
        raise FilterInvalid("This place in the line of time does not exist.") from None
