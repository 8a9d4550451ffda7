"""Which rows of a part can come back: not those that are there, nor those in whose way another row stands."""

from __future__ import annotations

import json
from typing import Any

import psycopg
from psycopg import sql

from audit.undelete.application import as_owner
from audit.undelete.columns import Part
from audit.undelete.shape import Key, Reference, load


def judge(connection: psycopg.Connection, part: Part, parts: list[Part], deferred: frozenset[str]) -> None:
    """Give each row of ``part`` its state and say what was found."""
    with as_owner(connection, part.now.owner if part.now.can_be_owner else ""):
        _judge_keys(connection, part, parts)
    _leave_orphans(connection, part, parts, deferred)


def _judge_keys(connection: psycopg.Connection, part: Part, parts: list[Part]) -> None:
    number = sql.Literal(part.number)
    key = part.key
    if key is not None:
        _leave_older(connection, part, parts, key)
        connection.execute(_match("match", part, key, deleted=part.deleted(), live=part.live()))
        _tell(connection, part, key, "taken", "key_taken", "have a key that another row has now")
        _say_there(connection, part)
    else:
        texts = {"live": part.live(), "deleted": part.deleted()}
        texts |= {"live_sure": part.live(sure=True), "deleted_sure": part.deleted(sure=True)}
        connection.execute(load("match_keyless", part=number, source=part.now.source, **texts))
        _tell_keyless(connection, part)
    for other in part.now.keys:
        if other != key and set(other.columns) <= part.put_names:
            found = connection.execute(_match("match_unique", part, other)).rowcount
            if found:
                words = f"have a value that must be unique and that another row has now ({other.name})"
                _tell(connection, part, other, "unique", "unique_taken", words)


def _match(name: str, part: Part, key: Key, **more: sql.Composable) -> sql.Composed:
    return load(
        name,
        part=sql.Literal(part.number),
        definitions=part.definitions(key.columns),
        source=part.now.source,
        match=key.match(),
        **more,
    )


def _leave_older(connection: psycopg.Connection, part: Part, parts: list[Part], key: Key) -> None:
    """The same row deleted, inserted and deleted again: only its last version comes back."""
    same = [other.number for other in parts if other.table is not None and other.now.root == part.now.root]
    words = sql.SQL(", ").join(load("key_word", column=sql.Literal(column)) for column in key.columns)
    connection.execute(load("older", key=words, parts=sql.Literal(same)))
    older = _count(connection, part, "older")
    if older:
        part.find("older", f"{older} rows were deleted again later; the last version is put back.", older)


def _count(connection: psycopg.Connection, part: Part, state: str) -> int:
    statement = load("count_state", part=sql.Literal(part.number), state=sql.Literal(state))
    row = connection.execute(statement).fetchone()
    assert row is not None
    return int(row[0])


def _say_there(connection: psycopg.Connection, part: Part) -> None:
    there = _count(connection, part, "there")
    if there:
        part.find("there", f"{there} rows are there already, and equal.", there)


def _tell_keyless(connection: psycopg.Connection, part: Part) -> None:
    there = _count(connection, part, "there")
    if there:
        words = "The table has no key, and has rows like these: nobody can tell whether they were put back already."
        part.find("same_row_there", words, there)


def _tell(connection: psycopg.Connection, part: Part, key: Key, state: str, code: str, words: str) -> None:
    rows = _count(connection, part, state)
    if not rows:
        return
    deleted, live, wanted = part.deleted(), part.live(), sql.Literal(state)
    found = connection.execute(_match("differences", part, key, deleted=deleted, live=live, state=wanted)).fetchall()
    examples = [{"log": log, "columns": differences(before, now)} for log, before, now in found]
    part.find(code, f"{rows} rows {words}.", rows, examples)


def differences(deleted: str, live: str | None) -> list[dict[str, Any]]:
    """The columns in which two rows differ, as short texts."""
    before, now = fields(deleted), fields(live) if live else {}
    names = [name for name in before if before[name] != now.get(name)]
    return [{"column": name, "deleted": before[name][:200], "live": now.get(name, "")[:200]} for name in names]


def fields(text: str) -> dict[str, str]:
    """Column → its value as JSON text; numbers keep their digits."""
    row = json.loads(text, parse_float=_Digits, parse_int=_Digits, parse_constant=_Digits)
    return {
        name: value if isinstance(value, _Digits) else json.dumps(value, ensure_ascii=False)
        for name, value in row.items()
    }


class _Digits(str):
    """A number as it is written."""

    __slots__ = ()


def _leave_orphans(connection: psycopg.Connection, part: Part, parts: list[Part], deferred: frozenset[str]) -> None:
    """Until nothing changes: a row that stays out may be the parent of another."""
    found: dict[str, list[tuple[int, str]]] = {}
    while True:
        missing = 0
        for reference in part.judged:
            with as_owner(connection, reference.parent_owner if reference.can_be_parent_owner else ""):
                if part.silent:
                    connection.execute(_lock(part, reference))
                rows = connection.execute(_orphans(part, reference, parts, deferred)).fetchall()
            found.setdefault(reference.name, []).extend(rows)
            missing += len(rows)
        if not missing:
            break
    for reference in part.judged:
        _tell_orphans(part, reference, found.get(reference.name, []))


def _lock(part: Part, reference: Reference) -> sql.Composed:
    return load(
        "lock_parents",
        parent=reference.parent_source,
        definitions=part.definitions(reference.columns),
        part=sql.Literal(part.number),
        match=reference.match(),
    )


def _orphans(part: Part, reference: Reference, parts: list[Part], deferred: frozenset[str]) -> sql.Composed:
    comes_with = reference.parent_root == part.now.root or reference.name in deferred
    with_them = [p.number for p in parts if comes_with and p.table is not None and p.now.root == reference.parent_root]
    return load(
        "orphans",
        part=sql.Literal(part.number),
        definitions=part.definitions(reference.columns),
        is_set=reference.is_set(),
        parent=reference.parent_source,
        match=reference.match(),
        parent_definitions=reference.parent_definitions,
        parent_parts=sql.Literal(with_them),
        column=sql.Literal(reference.columns[0]),
    )


def _tell_orphans(part: Part, reference: Reference, rows: list[tuple[int, str]]) -> None:
    if rows:
        values = ", ".join(sorted({str(value) for _, value in rows})[:5])
        parent = f"{reference.parent_schema}.{reference.parent_name}"
        words = f"{len(rows)} rows have no parent in {parent} ({reference.name}: {values}). Put those back with them."
        examples = [{"log": log, "value": value, "parent": parent} for log, value in rows[:5]]
        part.find("parent_missing", words, len(rows), examples)
