"""An invented row for each of the target's own tables, where its constraints allow one."""

from __future__ import annotations

import psycopg
from psycopg import Connection, sql

from audit.postgres import queries
from audit.protection.facts import Table, read_facts

VALUES = {
    "N": "1",
    "B": "true",
    "D": "2026-01-05",
    "T": "1 day",
    "I": "192.0.2.1",
    "A": "{}",
    "V": "1",
    "S": "invented",
}
"""By pg_type.typcategory; other types by name."""
BY_TYPE = {
    "uuid": "00000000-0000-4000-8000-000000000000", "json": "{}", "jsonb": "{}", "bytea": "\\x00", "xml": "<a/>",
    "point": "(0,0)", "tsvector": "invented", "macaddr": "08:00:2b:01:02:03", "time without time zone": "12:00",
    "time with time zone": "12:00+00", "money": "1", "cidr": "192.0.2.0/24",
}  # fmt: skip


def invent_rows(connection: Connection, without: str, owner: str) -> int:
    """Put one row into every table that is not in the schema ``without`` and takes one; how many took one. Foreign
    keys are not asked, the target's own triggers stay silent. It is done as ``owner``, who may call none of the
    target's own functions: a default or a check that calls one lets no row in."""
    tables = [t for t in read_facts(connection).tables if t.schema != without and t.kind == "r" and not t.is_partition]
    done = 0
    with connection.transaction():
        connection.execute(queries.read("protection/attack/quietly"))
        connection.execute(queries.load("protection/attack/become", role=sql.Identifier(owner)))
        for table in tables:
            done += _invent(connection, table)
        connection.execute(queries.read("protection/attack/myself"))
    return done


def _invent(connection: Connection, table: Table) -> bool:
    try:
        with connection.transaction():
            connection.execute(_row(connection, table))
    except psycopg.Error:
        if connection.closed:
            raise
        return False  # a CHECK, a domain or a type of its own: this table stays empty
    return True


def _row(connection: Connection, table: Table) -> sql.Composed:
    wanted = connection.execute(queries.load("protection/attack/columns", table=sql.Literal(table.oid))).fetchall()
    if not wanted:
        return queries.load("protection/attack/invent_defaults", table=table.identifier)
    values = [sql.Literal(_value(kind, category, label)) for _, kind, category, _, label in wanted]
    return queries.load(
        "protection/attack/invent",
        table=table.identifier,
        columns=sql.SQL(", ").join(sql.Identifier(name) for name, *_ in wanted),
        values=sql.SQL(", ").join(values),
    )


def _value(kind: str, category: str, label: str | None) -> str:
    bare = kind.split("(")[0]
    if label is not None:
        return label
    if category == "S" and kind.startswith(("character(", "character varying(", '"char"')):
        return "x"
    return BY_TYPE.get(bare, VALUES.get(category, "x"))
