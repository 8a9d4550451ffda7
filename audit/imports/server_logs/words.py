"""Words of server logs, noted for the search by a worker after the entries were stored: importing waits for none of
it.

A stretch of entries is noted once it is whole: every id in it was given to a row, or never will be. How far that is
shows by the newest stretch that is noted. Killed at any point, the next run goes on behind what it finds.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from django.db import connection, transaction
from django.db.models import Q
from django_q.tasks import async_task

from audit import locks, partitions
from audit.models import LogWords, ServerLogEntry

TASK = "audit.tasks.note_log_words"
LOCK = "noting words of server logs"
SECONDS = 40.0
SETTLE_SECONDS = 5.0
"""So long who is writing is waited for."""
AT_ONCE = 40
"""Stretches in a transaction: less than a second of work."""
LONGEST = 400_000
"""Characters of a stretch; the words of a longer one are not noted, and the search looks into it whatever is sought.
PostgreSQL refuses a tsvector above a megabyte."""
NOTE = """
INSERT INTO audit_logwords (number, from_at, to_at, is_stale, words)
SELECT s.number, s.from_at, s.to_at, false, w.words
  FROM (SELECT id / %(stretch)s AS number, min(at) AS from_at, max(at) AS to_at,
               sum(length(message) + length(detail) + length(query)) AS size
          FROM audit_serverlogentry WHERE id >= %(first)s AND id < %(below)s GROUP BY 1) s
  LEFT JOIN LATERAL
       (SELECT array_to_tsvector(array_agg(word)) AS words
          FROM audit_serverlogentry e,
               unnest(tsvector_to_array(tovgov_log_words(message, detail, query)) ||
                      tovgov_log_marks(target_id, kind, severity, level, sqlstate, role, database, address, application,
                                       session)) word
         WHERE id >= s.number * %(stretch)s AND id < (s.number + 1) * %(stretch)s) w ON s.size <= %(longest)s
    ON CONFLICT (number) DO UPDATE
       SET from_at = excluded.from_at, to_at = excluded.to_at, is_stale = false, words = excluded.words
"""
WRITING = """
SELECT virtualtransaction FROM pg_locks
 WHERE locktype = 'relation' AND relation = 'audit_serverlogentry'::regclass AND mode = 'RowExclusiveLock' AND granted
   AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid <> pg_backend_pid()
"""


def wake() -> None:
    """Once a minute: let a worker note what is new, or what was retired in part."""
    if _behind() >= LogWords.STRETCH or LogWords.objects.filter(is_stale=True).exists():
        async_task(TASK)


def note(*, seconds: float = SECONDS) -> int:
    """Note the words of what is new, for at most ``seconds`` and one transaction more; how many stretches. One
    process at a time does it."""
    with locks.held(LOCK) as is_ours:
        return _note(time.monotonic() + seconds) if is_ours else 0


def _note(deadline: float) -> int:
    sweep()
    count = _renew(deadline)
    below = _settled() // LogWords.STRETCH * LogWords.STRETCH
    first = _next(_noted(), below)
    while first is not None and time.monotonic() < deadline:
        end = min(first + AT_ONCE * LogWords.STRETCH, below)
        count += _write(first, end)
        first = _next(end, below)
    return count


def _renew(deadline: float) -> int:
    """Stretches of which something was retired: their words are noted again, or go with the last entry."""
    count = 0
    for number in list(LogWords.objects.filter(is_stale=True).values_list("pk", flat=True).order_by("pk")):
        if time.monotonic() > deadline:
            break
        first = number * LogWords.STRETCH
        with transaction.atomic():
            if not _write(first, first + LogWords.STRETCH):
                LogWords.objects.filter(pk=number).delete()
        count += 1
    return count


def _write(first: int, below: int) -> int:
    names = {"first": first, "below": below, "stretch": LogWords.STRETCH, "longest": LONGEST}
    with transaction.atomic(), connection.cursor() as cursor:
        guard()
        cursor.execute("SET LOCAL jit = off")
        cursor.execute(NOTE, names)
        return int(cursor.rowcount)


# --- what is retired ------------------------------------------------------------------------------------------------


def guard() -> None:
    """Until the caller's transaction ends nobody else notes words, or says that they are out of date."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('tovgov words of server logs', 0))")


def forget(ids: Iterable[int]) -> None:
    """In the transaction that removed these entries: their words are to be noted again without them."""
    guard()
    numbers = {one // LogWords.STRETCH for one in ids}
    LogWords.objects.filter(pk__in=numbers).update(is_stale=True)


def sweep() -> None:
    """The words of entries whose partition is gone. A process that was killed between both leaves that to the next."""
    size, gone = LogWords.STRETCH, Q()
    for one in partitions.partitions_of(ServerLogEntry):
        gone &= Q(pk__gte=-(-one.below // size)) | Q(pk__lt=one.first // size)
    with transaction.atomic():
        rows = LogWords.objects.filter(gone)
        rows._raw_delete(rows.db)  # nothing refers to them: none needs to be read before


# --- how far --------------------------------------------------------------------------------------------------------


def _noted() -> int:
    """The first id that is not noted."""
    newest = LogWords.objects.order_by("-pk").values_list("pk", flat=True).first()
    return 0 if newest is None else (newest + 1) * LogWords.STRETCH


def _next(first: int, below: int) -> int | None:
    """Where the next entries begin, from ``first`` on: ids may be left out by the million."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(id) FROM audit_serverlogentry WHERE id >= %s AND id < %s", [first, below])
        found = cursor.fetchone()[0]
    return None if found is None else int(found) // LogWords.STRETCH * LogWords.STRETCH


def _given() -> int:
    """The newest id that was given out."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_value FROM audit_serverlogentry_id_seq")
        return int(cursor.fetchone()[0])


def _behind() -> int:
    return _given() + 1 - _noted()


def _settled() -> int:
    """The id from which on rows may still come: whoever had been given one below was waited for. Where somebody writes
    for longer, nothing is noted this time."""
    given = _given() + 1
    waited_for = _writing()
    deadline = time.monotonic() + SETTLE_SECONDS
    while waited_for and time.monotonic() < deadline:
        time.sleep(0.05)
        waited_for &= _writing()
    return 0 if waited_for else given


def _writing() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(WRITING)
        return {row[0] for row in cursor.fetchall()}
