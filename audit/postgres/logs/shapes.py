"""What tells groups of alike texts apart: shapes of statements and messages, and the number over them."""

from __future__ import annotations

import re
from hashlib import blake2b

from audit.postgres.logs.literals import VALUE

LONGEST = 2_000
"""Shapes longer than this are not remembered, and tell groups apart by their beginning of so many characters."""

_LISTS = re.compile(r"\((?:\s*-?[?](?:\s*,\s*-?[?])*\s*)\)(?:\s*,\s*\((?:\s*-?[?](?:\s*,\s*-?[?])*\s*)\))*")
_SIGN = re.compile(r"([=(,<>+*/]|\b(?:AND|LIMIT|THEN|ELSE|WHEN|BETWEEN)) ?- ?(?=[?])", re.IGNORECASE)
_COMMENT = re.compile(r"/\*\?\*/|--\?")
_MESSAGE_VALUES = re.compile(
    r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|\b[0-9a-fA-F]+/[0-9a-fA-F]+\b|(?<![\w.+\-])[\w.+\-]++@[\w\-]+(?:\.[\w\-]+)+"
    r"|(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}|\b0x[0-9a-fA-F]+|'(?>(?:[^']|'')*)(?:'|\Z)|\b[0-9A-F]{24}\b"
    r"|(?<![A-Za-z_])[0-9]+(?:[.,:\-/][0-9]+)*"
)
_OBJECT = r"(?!(?:\w+ )?\"?(?:pg_|tovgov|information_schema))"
_RIGHTS = re.compile(
    rf"(\bON (?:TABLE |SEQUENCE |FUNCTION |PROCEDURE |ROUTINE |TYPE )?)(?!(?:SCHEMA|DATABASE|FOREIGN|PARAMETER|LANGUAGE"
    rf"|TABLESPACE|LARGE|ALL|DOMAIN)\b){_OBJECT}[^;]+?(?= (?:TO|FROM) )"
    rf"|(\bALTER (?:TABLE|SEQUENCE|FUNCTION|PROCEDURE|TYPE|(?:MATERIALIZED )?VIEW) ){_OBJECT}[^;]+?(?= OWNER TO )",
    re.IGNORECASE,
)
"""What a right is granted on, or who owns it, of the user's own objects; the role it goes to stays."""


def fingerprint(*parts: str) -> int:
    """A signed number of 64 bits over the parts: BLAKE2b, RFC 7693."""
    digest = blake2b("\0".join(parts).encode(errors="replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def statement_shape(text: str) -> str:
    """A statement without values as it is compared: lists of values are one value, spaces, comments and the case of
    letters do not count."""
    text = _SIGN.sub(r"\1 ", _COMMENT.sub(" ", text))
    return _LISTS.sub("(?)", " ".join(text.lower().split()))[:LONGEST]


def without_objects(text: str) -> str:
    """A text about rights without the names of tables and the like: “GRANT SELECT ON TABLE … TO reporting”."""
    return _RIGHTS.sub(lambda found: f"{found[1] or found[2]}…", text)


def message_shape(text: str) -> str:
    """A message of the server's own without what looks like a value."""
    return _MESSAGE_VALUES.sub(VALUE, text)[:LONGEST]
