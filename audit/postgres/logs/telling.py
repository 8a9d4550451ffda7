"""Which class a record or a statement is of: a reading of the table in ``audit.postgres.logs.classes``."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

from audit.postgres.logs.classes import BY_CODE, CLASSES, LogClass
from audit.postgres.logs.literals import as_the_server_reads

NO_STATE = "00000"

_MESSAGES = {row.code: re.compile("|".join(row.messages), re.DOTALL) for row in CLASSES if row.messages}
_STATEMENTS = [
    (row, re.compile("|".join(f"(?:{one})" for one in row.statements), re.DOTALL)) for row in CLASSES if row.statements
]
_SPOKEN = [row for row in CLASSES if row.messages]
_LAST = [row for row in CLASSES if not (row.states or row.also or row.messages or row.statements)]
PANIC = BY_CODE["panic"]


def class_of(*, sqlstate: str, level: str, message: str, detail: str = "") -> LogClass:
    """The class of a record that is not a logged statement: by SQLSTATE, else by its message, else by its level."""
    if sqlstate and sqlstate != NO_STATE:
        found = _by_state(sqlstate, level, message, detail)
    else:
        found = next((row for row in _SPOKEN if _fits(row, level) and _says(row, message, detail)), None)
    if (found is None or found.code == "login-refused") and (not sqlstate or sqlstate[:2] in ("00", "28")):
        found = _translated(message) or found
    found = found or next(row for row in _LAST if _fits(row, level))
    return PANIC if level == "PANIC" and found.severity < PANIC.severity else found


@cache
def _pieces() -> list[tuple[str, LogClass]]:
    """Pieces of the server's messages in its eleven other languages, the longest first."""
    found: dict[str, str] = json.loads(Path(__file__).with_name("translations.json").read_text(encoding="utf-8"))
    return [(piece, BY_CODE[found[piece]]) for piece in sorted(found, key=len, reverse=True)]


def _translated(message: str) -> LogClass | None:
    start = message[:500]
    return next((row for piece, row in _pieces() if piece in start), None)


def _by_state(sqlstate: str, level: str, message: str, detail: str) -> LogClass | None:
    rows = [row for row in _rows_of(sqlstate) if _fits(row, level)]
    for row in rows:
        if row.messages and _says(row, message, detail):
            return row
    return next((row for row in rows if sqlstate in row.states), None) or next(
        (row for row in rows if sqlstate[:2] in row.states), None
    )


@cache
def _rows_of(sqlstate: str) -> list[LogClass]:
    names = {sqlstate, sqlstate[:2]}
    return [row for row in CLASSES if names & {*row.states, *row.also}]


def _fits(row: LogClass, level: str) -> bool:
    return not row.levels or level in row.levels


def _says(row: LogClass, message: str, detail: str) -> bool:
    pattern = _MESSAGES[row.code]
    return bool(pattern.match(message) or (detail and pattern.match(f"detail: {detail}")))


# --- statements ------------------------------------------------------------------------------------------------------

_COMMENT = re.compile(r"/\*\?\*/|--\?")
_QUOTED = re.compile(r'"[^"]*"')
_SPACE = re.compile(r"\s+")
_INNER = re.compile(r"\(([^()]*)\)")
_LEAD = re.compile(
    r"^(?>(?:\s|EXPLAIN(?: \(\))?(?>(?: ANALY[SZ]E| VERBOSE)*) |PREPARE \S+ (?:\(\) )?AS "
    r"|WITH\b.*?\(\) (?=DELETE|UPDATE|INSERT|SELECT|MERGE))*)"
)
_ALL_ROWS = re.compile(
    r"^(?:DELETE FROM|UPDATE)\b(?!.*\bWHERE (?!TRUE *(?:$|RETURNING)|\? *= *\? *(?:$|RETURNING)))", re.DOTALL
)
_BODY = re.compile(r"CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE|RULE|TRIGGER)\b")
_BLOCK = re.compile(r"^(?:DO|CALL)\b(?! INSTEAD)|^SELECT .*\bDBLINK_EXEC\b")
_IN_A_BLOCK = re.compile(r"\b(?:DROP|TRUNCATE|ALTER|GRANT|REVOKE|CREATE|DELETE FROM)\b[^;'$]{1,200}")


def statement_class(shape: str, text: str = "") -> LogClass | None:
    """The class of a statement without values: of several in one text the gravest; None when it is nothing special.

    ``text`` is the statement as it was: looked into for the body of a DO block, and where a backslash before a quote
    would hide what follows.
    """
    if "\\'" in text:
        shape = as_the_server_reads(text)
    parts = _parts(shape)
    if parts and _BLOCK.match(parts[0]):
        parts += _IN_A_BLOCK.findall(_SPACE.sub(" ", text.upper()))
    found = [row for part in parts if (row := _row_of(part))]
    return max(found, key=lambda row: row.severity, default=None)


def is_block(shape: str) -> bool:
    """Whether what a statement does stands in its values."""
    return bool(_BLOCK.match(_LEAD.sub("", shape[:200].upper())))


def _parts(shape: str) -> list[str]:
    """The single statements of a text, in upper case: each bracket's content by itself, and the rest without it."""
    plain = _SPACE.sub(" ", _QUOTED.sub("Q", _COMMENT.sub(" ", shape))).upper().strip()
    inner: list[str] = []
    for _ in range(50):
        found = _INNER.findall(plain)
        if not found:
            break
        inner += (one for one in found if one.lstrip().startswith(("DELETE", "UPDATE")))
        plain = _INNER.sub("\1\2", plain)
    plain = plain.replace("\1\2", "()")
    outer = plain.split(";")
    if _BODY.match(outer[0]):
        return outer[:1]
    return [part for one in [*outer, *inner] if (part := _LEAD.sub("", one).replace("\1\2", "()"))]


def _row_of(part: str) -> LogClass | None:
    part = part.strip()
    if _ALL_ROWS.match(part):
        part += " EVERY"
    return next((row for row, pattern in _STATEMENTS if pattern.match(part)), None)
