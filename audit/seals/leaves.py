"""The leaf of an entry is its line as PostgreSQL's COPY writes it: one fixed list of columns, times in UTC, ``\\N`` for
NULL, COPY's own escapes. An importer that has made the line for COPY hashes it at once; who verifies reads
``COPY (SELECT …) TO STDOUT`` and hashes line by line.

``line`` takes texts that are ready; the small functions beside it write values as PostgreSQL prints them.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from audit.seals.merkle import leaf_hash

NULL = "\0N"
"""A field that is NULL, for ``line``."""
FIELD = "\0,"
KEPT = 10_000
"""Addresses that are remembered: few clients connect often."""
ESCAPES = (
    ("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"), ("\b", "\\b"), ("\f", "\\f"), ("\v", "\\v"),
    (FIELD, "\t"), (NULL, "\\N"),
)  # fmt: skip


def line(fields: Sequence[str]) -> bytes:
    """One line of COPY, without its end, in UTF-8; ``NULL`` for a field that is.

    Raises ``ValueError`` for text that PostgreSQL would not store: with a NUL or half a character in it.
    """
    text = FIELD.join(fields)
    if text.count("\0") != len(fields) - 1 + fields.count(NULL):
        raise ValueError("A field holds a NUL, which PostgreSQL does not store.")
    for raw, escaped in ESCAPES:
        text = text.replace(raw, escaped)
    return text.encode()


def hash_of(made: bytes) -> bytes:
    """The leaf hash of a line without its end."""
    return leaf_hash(made)


def text(value: Any) -> str:
    """A value as PostgreSQL prints it in a column of its own type: str, int, bool, an aware datetime or None.

    Use ``json_text`` for jsonb and ``address`` for inet. Raises ``TypeError`` for anything else.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return NULL
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, datetime):
        return moment(value)
    raise TypeError(f"There is no text for a {type(value).__name__}.")


def moment(at: datetime) -> str:
    """A timestamptz in UTC. Raises ``ValueError`` for a time without a zone."""
    if at.tzinfo is None:
        raise ValueError("A moment needs a time zone.")
    utc = at.astimezone(UTC)
    words = f"{utc.year:04}-{utc.month:02}-{utc.day:02} {utc.hour:02}:{utc.minute:02}:{utc.second:02}"
    return words + (f".{utc.microsecond:06}".rstrip("0") if utc.microsecond else "") + "+00"


@lru_cache(KEPT)
def address(value: str | None) -> str:
    """An inet of one host. Raises ``ValueError`` for what is none."""
    if value is None:
        return NULL
    host = ipaddress.ip_address(value)
    if isinstance(host, ipaddress.IPv4Address):
        return str(host)
    number = int(host)
    mapped, compatible = number >> 32 == 0xFFFF, number >> 32 == 0 and number >> 16 != 0
    if mapped or compatible:  # PostgreSQL prints the last four bytes of these as an IPv4 address
        return ("::ffff:" if mapped else "::") + str(ipaddress.IPv4Address(number & 0xFFFFFFFF))
    return host.compressed


def json_text(value: Any) -> str:
    """A jsonb of objects, arrays, texts, whole numbers, booleans and null; None is SQL's NULL. Raises ``TypeError`` for
    a fraction, which jsonb may print otherwise."""
    return NULL if value is None else _json(value)


def _json(value: Any) -> str:
    if isinstance(value, dict):
        pairs = sorted(value.items(), key=lambda pair: (len(pair[0].encode()), pair[0].encode()))
        return "{" + ", ".join(f"{_json(key)}: {_json(item)}" for key, item in pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_json, value)) + "]"
    if value is None or isinstance(value, bool | str | int):
        return json.dumps(value, ensure_ascii=False)
    raise TypeError(f"A {type(value).__name__} has no one text in jsonb.")
