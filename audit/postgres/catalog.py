"""The schema of a database in words: one line an object, no oids, the same after a dump and restore.

Lines tell what a dump carries: tables and columns, constraints, indexes, views, functions, triggers, types, sequences,
partitions, policies, extensions with versions, comments and the rarer kinds. Members of extensions, invalid indexes,
subscriptions and the options of user mappings (which hold secrets) are left out. Owners, rights and tablespaces are
told apart, because a copy maps them. DML, VACUUM, ANALYZE, REINDEX, TRUNCATE and REFRESH change nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql

from audit.postgres.queries import load, read

PARTS = (
    "schemas", "extensions", "relations", "columns", "constraints", "indexes", "sequences", "types", "functions",
    "aggregates", "triggers", "event_triggers", "rules", "policies", "statistics", "comments", "security_labels",
    "casts", "collations", "conversions", "operators", "operator_families", "operator_classes", "text_search",
    "languages", "foreign", "publications",
)  # fmt: skip
OWNER_PARTS = ("owners", "default_rights")

ARRAY = "(ARRAY["
CAST = re.compile(r"\]\)::((?:\"(?:[^\"]|\"\")*\"|\([0-9, ]*\)|[\w. ])+)\[\]")
QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """SHA-256 of the schema's lines and of those of owners, rights and tablespaces, and how many objects there are."""

    sha256: str
    owners_sha256: str
    objects: int


def schema_fingerprint(conn: psycopg.Connection) -> Fingerprint:
    """The fingerprint of the database that ``conn`` is in, as its transaction sees it."""
    return fingerprint_of(schema_lines(conn), owner_lines(conn))


def fingerprint_of(schema: list[str], owners: list[str]) -> Fingerprint:
    """The fingerprint of what ``schema_lines`` and ``owner_lines`` gave."""
    return Fingerprint(_sha256(schema), _sha256(owners), len(schema))


def schema_lines(conn: psycopg.Connection) -> list[str]:
    """The schema, one line an object (with its definition in one line), sorted."""
    with _pinned(conn):
        parts = [load("catalog/identified", part=sql.SQL(read(f"catalog/{part}"))) for part in PARTS]
        return sorted(_line(name, definition) for part in parts for name, definition in conn.execute(part))


def owner_lines(conn: psycopg.Connection) -> list[str]:
    """Owner, tablespace and rights of each object, and default rights, sorted."""
    with _pinned(conn):
        parts = [read(f"catalog/{part}") for part in OWNER_PARTS]
        return sorted(_line(name, definition) for part in parts for name, definition in conn.execute(part))


@contextmanager
def _pinned(conn: psycopg.Connection) -> Iterator[None]:
    """A transaction in which definitions read the same from every server, with every name qualified."""
    with conn.transaction():
        conn.execute(read("settings"))
        yield


def _line(name: str, definition: str | None) -> str:
    words = normal((definition or "").strip().replace("\n", "⏎"))
    return f"{name}: {words}" if words else name


def _sha256(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def normal(definition: str) -> str:
    """The one form that a server gives differently before and after a dump and restore: ``(ARRAY['a', 'b'])::text[]``,
    which it makes of ``IN ('a', 'b')`` on a varchar column, comes back as ``ARRAY[('a')::text, ('b')::text]``."""
    start = 0
    while (start := definition.find(ARRAY, start)) >= 0:
        elements, end = _elements(definition, start + len(ARRAY))
        cast = CAST.match(definition, end)
        if cast:
            casted = ", ".join(f"({element})::{cast[1]}" for element in elements)
            definition = f"{definition[:start]}ARRAY[{casted}]{definition[cast.end() :]}"
        start += 1
    return definition


def _elements(text: str, start: int) -> tuple[list[str], int]:
    """The elements of a list that begins at ``start``, and where the bracket is that closes it."""
    elements, depth, begin, at = [], 0, start, start
    while at < len(text):
        if quoted := QUOTED.match(text, at):
            at = quoted.end()
            continue
        if depth == 0 and text[at] in ",]":
            elements.append(text[begin:at].strip())
            begin = at + 1
            if text[at] == "]":
                return elements, at
        depth += (text[at] in "([") - (text[at] in ")]")
        at += 1
    return elements, at
