"""Privileges as the catalogues hold them: who has which verb on what, from whom, in the order of the ACL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from psycopg import Connection, sql
from psycopg.rows import dict_row

from audit.postgres import queries
from audit.protection.statements import statement

PUBLIC = ""
"""The grantee that is every role."""
DEFAULT_KINDS = {"r": "TABLES", "S": "SEQUENCES", "f": "FUNCTIONS", "n": "SCHEMAS"}
DEFAULT_OF = {"r": "TABLE", "S": "SEQUENCE", "f": "ROUTINE", "n": "SCHEMA"}


class Entry(NamedTuple):
    """One verb of one grantee from one grantor."""

    grantee: str
    grantor: str
    verb: str
    grantable: bool

    @property
    def item(self) -> tuple[str, str]:
        """What makes one item of an ACL."""
        return self.grantee, self.grantor

    @property
    def key(self) -> tuple[str, str, str]:
        return self.grantee, self.grantor, self.verb


@dataclass(frozen=True, slots=True)
class Thing:
    """What privileges are held on. ``kind`` is TABLE, COLUMN, SEQUENCE, SCHEMA, DATABASE, ROUTINE, or DEFAULT for the
    default privileges of what ``owner`` makes in ``schema`` (everywhere when empty); ``name`` is then r, S, f or n."""

    kind: str
    oid: int
    sub: int
    schema: str
    name: str
    detail: str
    owner: str
    entries: tuple[Entry, ...]

    @property
    def table(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def label(self) -> str:
        """What a person calls it, and what its record is kept under."""
        if self.kind == "DEFAULT":
            where = f" in schema {self.schema}" if self.schema else ""
            return f"future {DEFAULT_KINDS[self.name].lower()} of {self.owner}{where}"
        return {
            "TABLE": self.table,
            "COLUMN": f"column {self.detail} of {self.table}",
            "SEQUENCE": f"sequence {self.table}",
            "SCHEMA": f"schema {self.schema}",
            "DATABASE": f"database {self.name}",
            "ROUTINE": f"function {self.detail}",
        }[self.kind]

    @property
    def holds(self) -> str:
        """The kind whose verbs these are."""
        return {"DEFAULT": DEFAULT_OF.get(self.name, ""), "COLUMN": "TABLE"}.get(self.kind, self.kind)

    @property
    def target(self) -> sql.Composable:
        """What stands behind ON."""
        if self.kind == "DEFAULT":
            return sql.SQL(DEFAULT_KINDS[self.name])
        if self.kind == "ROUTINE":
            return sql.SQL("ROUTINE ") + sql.SQL(self.detail)  # regprocedure quotes it
        if self.kind in ("SCHEMA", "DATABASE"):
            return sql.SQL(f"{self.kind} ") + sql.Identifier(self.schema or self.name)
        word = "SEQUENCE " if self.kind == "SEQUENCE" else "TABLE "
        return sql.SQL(word) + sql.Identifier(self.schema, self.name)

    @property
    def scope(self) -> sql.Composable:
        """What stands before GRANT and REVOKE."""
        if self.kind != "DEFAULT":
            return sql.SQL("")
        where = sql.SQL(" IN SCHEMA {}").format(sql.Identifier(self.schema)) if self.schema else sql.SQL("")
        return sql.SQL("ALTER DEFAULT PRIVILEGES FOR ROLE {}{} ").format(sql.Identifier(self.owner), where)

    def held(self, grantee: str) -> frozenset[str]:
        """Verbs of ``grantee`` itself, whoever gave them."""
        return frozenset(entry.verb for entry in self.entries if entry.grantee == grantee)


def read(connection: Connection) -> list[Thing]:
    """Every thing of this database that is neither the system's, nor an extension's, nor tovgov's."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(queries.load("protection/grants")).fetchall()
    return [Thing(**{**row, "entries": tuple(Entry(*entry) for entry in row["entries"])}) for row in rows]


def grant(thing: Thing, entries: Iterable[Entry], connection: Connection) -> list[str]:
    """GRANT these, in their order, each from its own grantor."""
    return [line for run in _runs(entries) for line in _as(run[0], thing, [_grant(thing, run, connection)], connection)]


def revoke(thing: Thing, entries: Iterable[Entry], connection: Connection, *, cascade: bool = False) -> list[str]:
    """REVOKE these verbs, each as its own grantor."""
    return [
        line
        for run in _runs(entries)
        for line in _as(run[0], thing, [_revoke(thing, run, connection, cascade=cascade)], connection)
    ]


def revoke_option(thing: Thing, entries: Iterable[Entry], connection: Connection, *, cascade: bool) -> list[str]:
    """REVOKE GRANT OPTION FOR these verbs; the verbs stay."""
    lines: list[str] = []
    for run in _runs(entries):
        lines += _as(run[0], thing, [_revoke(thing, run, connection, option=True, cascade=cascade)], connection)
    return lines


def rebuild(thing: Thing, wanted: Sequence[Entry], connection: Connection) -> list[str]:
    """Statements that make the ACL of ``thing`` equal to ``wanted``, the order of its items included: items from the
    first that stands in another place on are taken away and given anew."""
    now, then = _items(thing.entries), _items(wanted)
    here, there = list(now), list(then)
    same = 0
    while same < min(len(here), len(there)) and here[same] == there[same]:
        same += 1
    lines = [line for item in reversed(here[same:]) for line in revoke(thing, now[item], connection)]
    for item in there[:same]:
        lost = [entry for entry in now[item] if entry.key not in {e.key for e in then[item]}]
        new = [entry for entry in then[item] if entry not in now[item]]
        lines += revoke(thing, lost, connection) + grant(thing, new, connection)
    return lines + [line for item in there[same:] for line in grant(thing, then[item], connection)]


def anew(thing: Thing, wanted: Sequence[Entry], connection: Connection) -> list[str]:
    """Statements that take every privilege on ``thing`` away and give ``wanted``."""
    items = reversed(_items(thing.entries).values())
    return [line for item in items for line in revoke(thing, item, connection)] + grant(thing, wanted, connection)


def _items(entries: Iterable[Entry]) -> dict[tuple[str, str], list[Entry]]:
    found: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.item, []).append(entry)
    return found


def _runs(entries: Iterable[Entry]) -> list[list[Entry]]:
    """Neighbours that one statement can name together."""
    return [list(run) for _, run in groupby(entries, key=lambda entry: (entry.item, entry.grantable))]


def _grant(thing: Thing, run: list[Entry], connection: Connection) -> str:
    option = sql.SQL(" WITH GRANT OPTION" if run[0].grantable else "")
    return statement(connection, "grant", **_parts(thing, run), option=option)


def _revoke(thing: Thing, run: list[Entry], connection: Connection, *, option: bool = False, cascade: bool) -> str:
    parts = {
        "option": sql.SQL("GRANT OPTION FOR " if option else ""),
        "cascade": sql.SQL(" CASCADE" if cascade else ""),
    }
    return statement(connection, "revoke", **_parts(thing, run), **parts)


def _parts(thing: Thing, run: list[Entry]) -> dict[str, sql.Composable]:
    column = sql.SQL(" ({})").format(sql.Identifier(thing.detail)) if thing.kind == "COLUMN" else sql.SQL("")
    verbs = [sql.SQL(entry.verb) + column for entry in run]  # verbs are the catalogue's own
    return {
        "scope": thing.scope,
        "verbs": sql.SQL(", ").join(verbs),
        "object": thing.target,
        "grantee": sql.Identifier(run[0].grantee) if run[0].grantee else sql.SQL("PUBLIC"),
    }


def _as(entry: Entry, thing: Thing, lines: list[str], connection: Connection) -> list[str]:
    """As the grantor, where that is not the owner: a superuser grants and revokes as the owner."""
    if entry.grantor == thing.owner or thing.kind == "DEFAULT":
        return lines
    role = sql.Identifier(entry.grantor)
    return [statement(connection, "as_role", role=role), *lines, statement(connection, "as_role", role=sql.SQL("NONE"))]
