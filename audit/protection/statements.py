"""The SQL of steps, rendered as it will be run and as the plan shows it."""

from __future__ import annotations

import json
from typing import Any

from psycopg import Connection, sql

from audit.exceptions import PolicyMisfit
from audit.postgres import queries
from audit.protection.rule import Released, rendered


def statement(connection: Connection, name: str, /, **parts: sql.Composable) -> str:
    """``sql/protection/<name>.sql`` with its names and literals filled."""
    return rendered(queries.load(f"protection/{name}", queries.ROOT, **parts), connection)


def released(connection: Connection, file: Released, *functions: str) -> tuple[str, ...]:
    """The released file, and the marks of its ``functions`` (with their argument types)."""
    marks = [
        statement(connection, "mark_function", function=sql.SQL(f"tovgov.{name}"), mark=sql.Literal(file.mark))
        for name in functions
    ]
    return (rendered(sql.SQL(file.text), connection), *marks)


def set_guard(connection: Connection, rule: str, values: dict[str, Any]) -> tuple[str, ...]:
    """What the guards in the target ask for: their tables and how they stand before them."""
    return tuple(
        statement(connection, "set_guard", rule=sql.Literal(rule), name=sql.Literal(name), value=as_json(value))
        for name, value in values.items()
    )


def forget_guard(connection: Connection, rule: str) -> str:
    return statement(connection, "forget_guard", rule=sql.Literal(rule))


def remember(connection: Connection, rule: str, object_: str, before: Any) -> str:
    """Keep what was before, once: a second installation does not overwrite it."""
    return statement(connection, "record", rule=sql.Literal(rule), object=sql.Literal(object_), before=as_json(before))


def forget(connection: Connection, rule: str, object_: str) -> str:
    return statement(connection, "forget_record", rule=sql.Literal(rule), object=sql.Literal(object_))


def like(pattern: str) -> str:
    """A shell-style pattern as the LIKE pattern that the guards use. Raises ``PolicyMisfit`` for ``[…]``."""
    if "[" in pattern:
        raise PolicyMisfit(f'The pattern "{pattern}" is not understood: only * and ? stand for other characters.')
    escaped = pattern.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
    return escaped.replace("*", "%").replace("?", "_")


def chosen_values(settings: dict[str, Any]) -> dict[str, Any]:
    """``tables`` and ``exclude`` of a rule as the guards keep them."""
    return {name: [like(pattern) for pattern in settings.get(name, [])] for name in ("tables", "exclude")}


def as_json(value: Any) -> sql.Literal:
    """``value`` as a JSON literal."""
    return sql.Literal(json.dumps(value, sort_keys=True))
