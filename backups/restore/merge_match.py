"""Which tables can be merged, and how the two sides of each fit together."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from psycopg import sql

from backups.exceptions import MergeImpossible
from backups.restore.names import TableName, choose
from backups.restore.shape import Key, Operator, Table


@dataclass(frozen=True, slots=True)
class Pair:
    """One table on both sides. ``columns`` are carried over, by name; ``key`` is the live table's primary key.

    ``forgotten`` columns are only in the backup, ``defaulted`` ones only in the live database.
    """

    live: Table
    backup: Table
    key: Key
    columns: tuple[str, ...]
    forgotten: tuple[str, ...]
    defaulted: tuple[str, ...]

    @property
    def name(self) -> TableName:
        return self.live.name

    def same(self, ours: str, theirs: str) -> sql.Composed:
        """That two rows, by their aliases, have the same primary key."""
        return equal(ours, self.key.columns, theirs, self.key.columns, self.key.operators)


@dataclass(frozen=True, slots=True)
class Choice:
    """The tables to merge, and why each of the others is not (only when all were asked for)."""

    pairs: dict[TableName, Pair]
    ignored: dict[TableName, str]


def match(wanted: Collection[str], live: dict[TableName, Table], backup: dict[TableName, Table]) -> Choice:
    """Pair the ``wanted`` tables; all that can be merged when none are named.

    Raises ``MergeImpossible`` for a named table that cannot, ``TableUnknown`` for a name that the backup lacks.
    """
    if wanted:
        return Choice({name: _pair(name, live, backup) for name in choose(wanted, backup)}, {})
    pairs, ignored = {}, {}
    for name, table in backup.items():
        if table.root is not None:
            continue
        try:
            pairs[name] = _pair(name, live, backup)
        except MergeImpossible as error:
            ignored[name] = error.message
    if not pairs:
        raise MergeImpossible("No table of the backup can be merged into the live database.")
    return Choice(pairs, ignored)


def _pair(name: TableName, live: dict[TableName, Table], backup: dict[TableName, Table]) -> Pair:
    theirs = backup[name]
    ours = live.get(name)
    if ours is None:
        raise MergeImpossible(f"{name} is missing in the live database.", hint="A merge makes no tables; use Replace.")
    root = ours.root or theirs.root
    if root is not None:
        raise MergeImpossible(
            f"{name} is a partition of {root}.", hint=f"Choose {root} instead: rows find their place."
        )
    key = _key(name, ours.primary, theirs.primary)
    _require_same_types(name, ours, theirs, key)
    carried = tuple(sorted(column for column in _plain(ours) if column in _plain(theirs)))
    defaulted = tuple(sorted(column for column in _plain(ours) if column not in carried))
    _require_defaults(name, ours, defaulted)
    forgotten = tuple(sorted(column for column in _plain(theirs) if column not in carried))
    return Pair(ours, theirs, key, carried, forgotten, defaulted)


def _plain(table: Table) -> list[str]:
    """Columns that take a value; generated ones compute theirs."""
    return [column.name for column in table.columns.values() if not column.is_generated]


def _key(name: TableName, ours: Key | None, theirs: Key | None) -> Key:
    """The live table's primary key. A side database that was restored for a merge alone may have no keys yet."""
    if ours is None:
        raise MergeImpossible(f"{name} has no primary key: which rows are missing cannot be told.")
    if theirs is not None and ours.columns != theirs.columns:
        raise MergeImpossible(
            f"The primary key of {name} is ({', '.join(ours.columns)}) in the live database and "
            f"({', '.join(theirs.columns)}) in the backup."
        )
    return ours


def _require_same_types(name: TableName, ours: Table, theirs: Table, key: Key) -> None:
    if missing := [column for column in key.columns if column not in theirs.columns]:
        raise MergeImpossible(f"The backup's {name} lacks columns of the primary key: {', '.join(missing)}.")
    for column in ours.columns.values():
        other = theirs.columns.get(column.name)
        if other is not None and other.type != column.type:
            raise MergeImpossible(
                f'The column "{column.name}" of {name} is {column.type} in the live database and {other.type} in the '
                "backup."
            )


def _require_defaults(name: TableName, ours: Table, defaulted: tuple[str, ...]) -> None:
    for column in (ours.columns[column] for column in defaulted):
        if column.not_null and not column.has_default:
            raise MergeImpossible(
                f'The column "{column.name}" of {name} came after the backup; it needs a value and has no default.',
                hint="Give the column a default or allow NULL for the merge, or use Replace.",
            )


# --- pieces of statements -----------------------------------------------------------------------------------------


def names(columns: Collection[str], table: str = "") -> sql.Composed:
    """A list of columns, of ``table`` (an alias) where one is given."""
    return sql.SQL(", ").join(sql.Identifier(table, column) if table else sql.Identifier(column) for column in columns)


def equal(
    ours: str, columns: Collection[str], theirs: str, others: Collection[str], operators: Collection[Operator]
) -> sql.Composed:
    """``ours.column = theirs.other AND …`` with exactly these operators; ``ours`` and ``theirs`` are aliases."""
    return sql.SQL(" AND ").join(
        sql.SQL("{} {} {}").format(sql.Identifier(ours, column), operator.sql, sql.Identifier(theirs, other))
        for column, operator, other in zip(columns, operators, others, strict=True)
    )
