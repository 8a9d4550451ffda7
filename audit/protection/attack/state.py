"""What a database holds, as far as an attempt can harm it: read before and after, and compared."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from psycopg import Connection, sql

from audit.postgres import queries

Rows = dict[str, Counter[str]]
HARMLESS_WHEN_NEW = {"relation", "column", "constraint", "function", "schema", "type", "rule of view", "inheritance"}
"""Kinds of which a new one takes nothing away by itself."""


@dataclass(frozen=True)
class State:
    """Rows by table, objects by kind, and the rows in the delete log, by table."""

    rows: Rows
    objects: dict[str, dict[str, str]]
    log: Counter[str]
    """Rows in the delete log."""
    masked: frozenset[str]
    """Columns that some record of the log leaves out."""
    records: Counter[str]


@dataclass(frozen=True)
class Harm:
    """What was lost or changed. ``vanished`` are rows that stood there before and do not any more."""

    vanished: Rows = field(default_factory=dict)
    unlogged: int = 0
    forgotten: int = 0
    """Records that were in the delete log before, and are not or are others now."""
    changed: tuple[str, ...] = ()
    guards_rows: int = 0
    """Rows of the guards' own tables that came, went or changed."""

    @property
    def is_none(self) -> bool:
        return not (self.vanished or self.forgotten or self.changed or self.guards_rows)

    @property
    def is_recorded(self) -> bool:
        """Rows vanished, every one of them stands in the delete log, and nothing else was changed."""
        return bool(self.vanished) and not (self.unlogged or self.forgotten or self.changed or self.guards_rows)

    @property
    def words(self) -> str:
        count = sum(rows.total() for rows in self.vanished.values())
        parts = []
        if count:
            how = f"{self.unlogged} of them not in the delete log" if self.unlogged else "all in the delete log"
            parts.append(f"{count} rows are gone, {how}")
        if self.forgotten:
            parts.append(f"{self.forgotten} records of the delete log are gone or others")
        if self.guards_rows:
            parts.append("what the guards are told was changed")
        if self.changed:
            parts.append(f"changed: {', '.join(self.changed)}")
        return ("; ".join(parts) + ".").capitalize() if parts else ""


def observe(connection: Connection, roles: str, tables: Sequence[int] = ()) -> State:
    """Read the state over a superuser's connection. ``roles`` is a LIKE pattern of roles to look at, ``tables`` are
    oids of tables beside the invented ones whose rows count."""
    connection.execute(queries.load("protection/attack/pin"))
    rows: Rows = {}
    wanted = queries.load("protection/attack/row_tables", tables=sql.Literal(list(tables)))
    for schema, table in connection.execute(wanted).fetchall():
        rows[f"{schema}.{table}"] = _rows(connection, schema, table)
    objects: dict[str, dict[str, str]] = defaultdict(dict)
    catalog = queries.load("protection/attack/catalog", roles=sql.Literal(roles))
    for kind, name, definition in connection.execute(catalog):
        objects[kind][name] = definition or ""
    return State(rows, dict(objects), *_log(connection))


def _rows(connection: Connection, schema: str, table: str) -> Counter[str]:
    read = queries.load("protection/attack/rows", table=sql.Identifier(schema, table))
    return Counter(text for (text,) in connection.execute(read))


def _log(connection: Connection) -> tuple[Counter[str], frozenset[str], Counter[str]]:
    there = connection.execute(queries.load("protection/attack/has_log")).fetchone()
    if not (there and there[0]):
        return Counter(), frozenset(), Counter()
    found = connection.execute(queries.load("protection/attack/log_rows")).fetchall()
    masked = frozenset(name for names, _ in found for name in names)
    return Counter(text for _, text in found), masked, _rows(connection, "tovgov", "delete_audit_record")


def compare(before: State, after: State) -> Harm:
    """What of ``before`` is lost or changed in ``after``."""
    guards = {table for table in before.rows if table.startswith("tovgov.")}
    vanished = {
        table: lost
        for table, rows in before.rows.items()
        if table not in guards and (lost := rows - after.rows.get(table, Counter()))
    }
    return Harm(
        vanished=vanished,
        unlogged=_unlogged(_pooled(vanished), after.log - before.log, after.masked),
        forgotten=(before.records - after.records).total(),
        changed=tuple(_changed(before.objects, after.objects)),
        guards_rows=sum(before.rows[table] != after.rows.get(table) for table in guards),
    )


def _pooled(rows: Rows) -> Counter[str]:
    return sum(rows.values(), Counter())


def _unlogged(lost: Counter[str], logged: Counter[str], masked: frozenset[str]) -> int:
    """How many of the lost rows the log does not hold, whole but for its masked columns. The table's name does not
    count: what a DELETE in a root takes is logged with the root's name. A number may stand there as its text: so it is
    written where a cast to json would have run."""
    left, spare = lost - logged, logged - lost
    return (_without(left, masked) - _without(spare, masked)).total() if left else 0


def _without(rows: Counter[str], masked: frozenset[str]) -> Counter[str]:
    bare: Counter[str] = Counter()
    for text, count in rows.items():
        row = json.loads(text, parse_float=str, parse_int=str)
        bare[json.dumps({name: value for name, value in row.items() if name not in masked}, sort_keys=True)] += count
    return bare


def _changed(before: dict[str, dict[str, str]], after: dict[str, dict[str, str]]) -> list[str]:
    """Kinds with objects that are gone, other than before or, where that does harm, new."""
    kinds = []
    for kind in sorted(before.keys() | after.keys()):
        old, new = before.get(kind, {}), after.get(kind, {})
        gone = sum(name not in new for name in old)
        other = sum(name in new and new[name] != text for name, text in old.items())
        more = 0 if kind in HARMLESS_WHEN_NEW else sum(name not in old for name in new)
        words = [f"{count} {word}" for count, word in ((gone, "gone"), (other, "changed"), (more, "new")) if count]
        if words:
            kinds.append(f"{kind} ({', '.join(words)})")
    return kinds
