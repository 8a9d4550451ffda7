"""Which files of a source are to be read, and from where. A file is known again by its beginning, under any name:
renamed, copied, packed or given a second time it brings nothing twice.

A file that was truncated and begun anew, or whose inode another file got, has another beginning: it is a new file. What
stood in it before may lie in a copy (copytruncate): there reading goes on.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256

from audit.exceptions import LogFileUnreadable, TovgovError
from audit.imports.server_logs.sources import Files, Place
from audit.models import ImportSource, LogFile, LogFileState
from audit.postgres.logs.record import Fault

HEAD_BYTES = 4096
"""A beginning of so many bytes of text tells a log from every other: each of its lines has its time."""
REST_NANOSECONDS = 3_000_000_000
"""A server that has not written for so long has ended its line."""
OVER_NANOSECONDS = 60_000_000_000
"""A file beside a newer one in which nobody wrote for so long is over."""
PACKED = re.compile(r"\.(?:gz|zst|zstd)\Z")
FORMAT = re.compile(r"\.(json|csv|log)(?=\.|-|\Z)")
BEST = ("json", "csv", "log")
"""Formats of one log side by side, the one that tells most first."""
SAME = "It is the same as "


@dataclass(slots=True)
class Beginning:
    """A file that has changed, and how its text begins."""

    place: Place
    head: bytes

    def is_of(self, row: LogFile) -> bool:
        """Whether this is the file that ``row`` knows."""
        return len(self.head) >= row.head_bytes and digest(self.head[: row.head_bytes]) == row.head


@dataclass
class Sorted:
    """What was found at a source."""

    places: list[Place]
    at: int
    """When they were looked at, in nanoseconds."""
    to_read: list[tuple[Place, LogFile]] = field(default_factory=list)
    unchanged: int = 0
    left_out: int = 0
    failed: int = 0
    resting: set[int] = field(default_factory=set)
    """Rows of files in which nothing has changed."""

    def is_over(self, place: Place) -> bool | None:
        """``is_over`` at that time."""
        return is_over(place, self.places, self.at)


def digest(head: bytes) -> str:
    """SHA-256 in hex."""
    return sha256(head).hexdigest()


def sort_out(source: ImportSource, there: Files) -> Sorted:
    """Look at every file; what is to be read, the oldest first. Raises ``LogSourceGone``."""
    at = time.time_ns()
    places = [place for place in there.places() if place.size]
    rows = list(LogFile.objects.filter(source=source).defer("faults").order_by("-pk"))
    found = Sorted(places, at)
    twins = dict(_twins(places))
    by_identity: dict[str, LogFile] = {}
    for row in rows:
        by_identity.setdefault(row.identity, row)
    live: set[int] = set()
    changed: list[Beginning] = []
    for place in places:
        own = by_identity.get(place.identity)
        if own is not None and is_unchanged(own, place, places):
            live.add(own.pk)
            found.resting.add(own.pk)
            found.unchanged += 1
            _name(own, place)
            there.done(place)
        elif (begun := _begun(source, there, place, own, found)) is not None:
            changed.append(begun)
            if own is not None and begun.is_of(own):
                live.add(own.pk)
    for begun in changed:
        _place(source, there, begun, by_identity, rows, live, twins, found)
    _mark_gone(source, rows, live, places)
    return found


def have_changed(source: ImportSource, there: Files) -> bool:
    """Whether there is something to look at; opens no file. Raises ``LogSourceGone``."""
    places = [place for place in there.places() if place.size]
    rows = LogFile.objects.filter(source=source).only("identity", "state", "size", "modified").order_by("pk")
    known = {row.identity: row for row in rows}
    return any(
        place.identity not in known or not is_unchanged(known[place.identity], place, places) for place in places
    )


def is_unchanged(row: LogFile, place: Place, places: list[Place]) -> bool:
    """Whether nothing can have come since ``place`` was last read."""
    if (row.size, row.modified) != (place.size, place.modified):
        return False
    return row.state != LogFileState.READING or not is_over(place, places)


def is_over(place: Place, places: Iterable[Place], at: int | None = None) -> bool | None:
    """Whether nothing more came in a file ``at`` the time when it was looked at (now); None when more may have come at
    any moment."""
    if PACKED.search(place.name):
        return True
    age = (time.time_ns() if at is None else at) - place.modified
    kind = _format(place.name)
    if age > OVER_NANOSECONDS and any(one.modified > place.modified and _format(one.name) == kind for one in places):
        return True
    return False if age > REST_NANOSECONDS else None


def _begun(source: ImportSource, there: Files, place: Place, row: LogFile | None, found: Sorted) -> Beginning | None:
    head = b""
    try:
        with there.text(place) as text:
            for piece in text:
                if isinstance(piece, Fault):
                    break  # its beginning may be enough; reading it says what is wrong
                head += piece[: HEAD_BYTES - len(head)]
                if len(head) == HEAD_BYTES:
                    break
    except LogFileUnreadable as error:
        found.failed += 1
        fail(row or new(source, place, b""), error, place)
        return None
    return Beginning(place, head)


def _place(source: ImportSource, there: Files, begun: Beginning, by_identity: dict[str, LogFile], rows: list[LogFile],
           live: set[int], twins: dict[str, Place], found: Sorted) -> None:  # fmt: skip
    """Find the row of a changed file, or make it, and say whether it is to be read."""
    place, row = begun.place, by_identity.get(begun.place.identity)
    if row is not None and row.identity != place.identity:
        row = None  # its content lies in another file now
    if row is None or row.pk not in live or row.state == LogFileState.SKIPPED:
        alike = [one for one in rows if one.head_bytes and one.state != LogFileState.SKIPPED and begun.is_of(one)]
        moved = next((one for one in alike if one.pk not in live), None)
        own = row if row is not None and row.pk in live else None
        if moved is None and alike and _goes_on(there, place, alike[0], found):
            moved = alike[0]
        if moved is None and alike:
            found.left_out += 1
            leave_out(own or new(source, place, begun.head), place, f"{SAME}{alike[0].name}.")
            return
        if moved is not None and row is not None and row.state == LogFileState.SKIPPED:
            _let_go(row)
        if not (row := moved or own):
            row = new(source, place, begun.head)
            rows.append(row)
        live.add(row.pk)
    if len(begun.head) > row.head_bytes:
        row.head, row.head_bytes = digest(begun.head), len(begun.head)
    row.identity = place.identity
    _name(row, place)
    row.save(update_fields=["identity", "name", "head", "head_bytes"])
    if place.name in twins:
        found.left_out += 1
        leave_out(row, place, f"{twins[place.name].name} has the same records and tells more of each.")
        return
    found.to_read.append((place, row))


def _goes_on(there: Files, place: Place, row: LogFile, found: Sorted) -> bool:
    """Whether ``place`` holds more than the file of ``row``, of which everything was read: a copy that broke off, of
    this one. The rest is read from here."""
    if row.state != LogFileState.READ or row.pk not in found.resting:
        return False
    try:
        with there.text(place, row.offset) as text:
            goes_on = any(not isinstance(piece, Fault) and piece for piece in text)
    except LogFileUnreadable:
        return False
    if goes_on:
        found.resting.discard(row.pk)
    return goes_on


def _let_go(row: LogFile) -> None:
    """What was left out is read now, under the row of what it is the same as."""
    if row.records:
        LogFile.objects.filter(pk=row.pk).update(identity="")
    else:
        row.delete()


def look_at_copies(source: ImportSource, files: Iterable[LogFile]) -> None:
    """When one of ``files`` was read to its end, see whether a copy of it that was left out holds more."""
    pks = [file.pk for file in files]
    if LogFile.objects.filter(pk__in=pks, state=LogFileState.READ).exists():
        LogFile.objects.filter(source=source, state=LogFileState.SKIPPED, error__startswith=SAME).update(modified=0)


def new(source: ImportSource, place: Place, head: bytes) -> LogFile:
    """A row for a file that nobody knows."""
    return LogFile.objects.create(
        source=source, identity=place.identity, name=place.name[-255:], head=digest(head), head_bytes=len(head)
    )


def leave_out(row: LogFile, place: Place, why: str) -> None:
    """This file is not read, for the reason ``why``, until it changes."""
    row.state, row.error_code, row.error = LogFileState.SKIPPED, "", why
    row.size, row.modified = place.size, place.modified
    row.save(update_fields=["state", "error_code", "error", "size", "modified"])


def fail(row: LogFile, error: TovgovError, place: Place) -> None:
    """This file cannot be read until it, or its source's settings, change."""
    row.state, row.error_code, row.error = LogFileState.FAILED, error.code, error.message
    row.size, row.modified = place.size, place.modified
    row.save(update_fields=["state", "error_code", "error", "size", "modified"])


def try_again(source: ImportSource) -> None:
    """Look at every file that could not be read anew."""
    LogFile.objects.filter(source=source, state__in=(LogFileState.FAILED, LogFileState.SKIPPED)).update(modified=0)


def _name(row: LogFile, place: Place) -> None:
    if row.name != place.name[-255:]:
        row.name = place.name[-255:]
        row.save(update_fields=["name"])


def _mark_gone(source: ImportSource, rows: list[LogFile], live: set[int], places: list[Place]) -> None:
    """Files that went before they were read to their end; a copy that was left out may have the rest."""
    there = {place.identity for place in places}
    gone = [row.pk for row in rows if row.pk not in live and row.identity not in there]
    unread = LogFile.objects.filter(pk__in=gone, state=LogFileState.READING)
    if unread.update(state=LogFileState.GONE):
        try_again(source)


def _twins(places: list[Place]) -> Iterator[tuple[str, Place]]:
    """Files beside which lies the same log in a format that tells more, with that one."""
    together: dict[str, dict[str, Place]] = {}
    for place in places:
        kind = _format(place.name)
        if kind:
            together.setdefault(FORMAT.sub(".*", PACKED.sub("", place.name), count=1), {})[kind] = place
    for formats in together.values():
        best = next(formats[kind] for kind in BEST if kind in formats)
        yield from ((place.name, best) for place in formats.values() if place is not best)


def _format(name: str) -> str:
    found = FORMAT.search(name)
    return found[1] if found else ""
