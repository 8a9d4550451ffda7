"""The partitions of tovgov's own large logs: ranges of ids, made ahead of what is written, dropped when they are over.

Partitions are attached, not made in place: that waits for no reader and no writer. There is no default partition, which
would make it wait for both; instead ten million ids are always free, and who writes fast makes room itself.
A unique constraint of the model stands on each partition. Two rows that are the same in two partitions are kept out by
who writes: an import moves the position of its source, locked, in the transaction that stores what it read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.db import Error, connection, models, transaction
from psycopg import sql

from audit.exceptions import PartitionBusy
from audit.models import ConnectionAuditLog, DeleteAuditLog, ServerLogEntry

LOGS: tuple[type[models.Model], ...] = (ServerLogEntry, ConnectionAuditLog, DeleteAuditLog)
SIZE = 5_000_000
"""Ids in a partition: a few gigabytes, and a list over a thousand million rows still asks only two hundred."""
AHEAD = 2
"""So many empty partitions lie beyond the one that is written."""
LOCK_MILLISECONDS = 2_000
BOUNDS = re.compile(r"FROM \((MINVALUE|'?\d+'?)\) TO \('?(\d+)'?\)")
BUSY = ("55P03", "40P01")  # lock_not_available, deadlock_detected
LIST = """
SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = %s::regclass
"""


@dataclass(frozen=True, slots=True)
class Partition:
    """The ids from ``first`` to below ``below``."""

    name: str
    first: int
    below: int


def partitions_of(model: type[models.Model]) -> list[Partition]:
    """The ranges of a log in their order."""
    with connection.cursor() as cursor:
        cursor.execute(LIST, [model._meta.db_table])
        found = [(name, BOUNDS.search(bound)) for name, bound in cursor.fetchall()]
    ranges = [
        Partition(name, 0 if bound[1] == "MINVALUE" else int(bound[1].strip("'")), int(bound[2]))
        for name, bound in found
        if bound is not None  # it is about to be attached
    ]
    return sorted(ranges, key=lambda one: one.below)


def look_after() -> None:
    """Once a minute: every log has room. Raises ``PartitionBusy``."""
    for model in LOGS:
        make_ahead(model)


def make_ahead(model: type[models.Model], *, for_rows: int = 0) -> list[str]:
    """Make the partitions that are missing beyond the newest id; their names. Call it outside of long transactions.
    With ``for_rows`` it is enough that so many rows find room.

    Raises ``PartitionBusy`` when something holds the log for longer than two seconds: the next look tries again.
    """
    room = _room(model)
    if room >= (2 * for_rows or AHEAD * SIZE):
        return []
    made = []
    try:
        with transaction.atomic():
            _alone(model)
            while _room(model) < AHEAD * SIZE:
                made.append(_attach(model))
    except Error as error:
        _raise_busy(model, error)
        raise
    return made


def drop(model: type[models.Model], partition: Partition) -> None:
    """Drop a partition with its rows, in the caller's transaction. Raises ``PartitionBusy``."""
    try:
        with transaction.atomic():
            _alone(model)
            _execute("DROP TABLE {}", partition.name)
    except Error as error:
        _raise_busy(model, error)
        raise


def filled(model: type[models.Model]) -> list[Partition]:
    """The partitions in whose range no id is given out any more, the oldest first."""
    newest = _newest(model)
    return [one for one in partitions_of(model) if one.below <= newest]


def settle(model: type[models.Model], partition: Partition) -> None:
    """Wait, for two seconds at most, until nobody is writing to a partition that is filled: what is read of it
    afterwards is all. Raises ``PartitionBusy``."""
    try:
        with transaction.atomic():
            _patience()
            _execute("LOCK TABLE ONLY {} IN SHARE MODE", partition.name)
    except Error as error:
        _raise_busy(model, error)
        raise


def seize(model: type[models.Model]) -> None:
    """Have a log for oneself until the caller's transaction ends, which must be soon. Raises ``PartitionBusy``."""
    try:
        with transaction.atomic():
            _alone(model)
            _execute("LOCK TABLE ONLY {} IN ACCESS EXCLUSIVE MODE", model._meta.db_table)
    except Error as error:
        _raise_busy(model, error)
        raise


def _newest(model: type[models.Model]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_compose("SELECT last_value FROM {}", f"{model._meta.db_table}_id_seq"))
        return int(cursor.fetchone()[0])


def _room(model: type[models.Model]) -> int:
    """Ids between the newest one and the end of the last partition."""
    ranges = partitions_of(model)
    return (ranges[-1].below if ranges else 0) - _newest(model)


def _alone(model: type[models.Model]) -> None:
    """One process at a time changes the partitions of a log, and it waits for nobody long."""
    _patience()
    with connection.cursor() as cursor:
        name = f"tovgov partitions {model._meta.db_table}"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def _patience() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = {LOCK_MILLISECONDS}")


def _attach(model: type[models.Model]) -> str:
    table = model._meta.db_table
    first = _end(model)
    name = f"{table}_from_{first}"
    _execute("CREATE TABLE {} (LIKE {} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)", name, table)
    _once(model, name)
    _execute(f"ALTER TABLE {{}} ATTACH PARTITION {{}} FOR VALUES FROM ({first}) TO ({first + SIZE})", table, name)
    return name


def _end(model: type[models.Model]) -> int:
    ranges = partitions_of(model)
    return ranges[-1].below if ranges else 0


def _once(model: type[models.Model], partition: str) -> None:
    """The model's unique constraint, on one partition."""
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.UniqueConstraint):
            fields = {field.name: str(field.column) for field in model._meta.concrete_fields}
            columns = [fields[name] for name in constraint.fields]
            words = f"ALTER TABLE {{}} ADD CONSTRAINT {{}} UNIQUE ({', '.join('{}' for _ in columns)})"
            _execute(words, partition, f"{partition}_once", *columns)


def _raise_busy(model: type[models.Model], error: Error) -> None:
    if getattr(error.__cause__, "sqlstate", None) in BUSY:
        raise PartitionBusy(f"{str(model._meta.verbose_name_plural).capitalize()} are in use.") from error


def _execute(words: str, *names: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_compose(words, *names))


def _compose(words: str, *names: str) -> str:
    return sql.SQL(words).format(*map(sql.Identifier, names)).as_string(None)
