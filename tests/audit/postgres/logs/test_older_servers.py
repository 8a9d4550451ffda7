"""csvlog of 23 and 24 columns, as older servers really wrote it.

``older/`` holds what PostgreSQL 12.22 (Ubuntu 20.04) and 13.16 (Debian 11) wrote into csvlog and stderr from the first
connection on while most statements of nasty.sql, one of each of ``CLASSES`` and a few logins ran. Those servers
write a question mark for each byte of an application's name that is not ASCII.
"""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest

from audit.postgres.logs.opening import open_parser
from audit.postgres.logs.reading import Reader
from tests.audit.postgres.logs.provoking import PERSON, PREFIX, SECRET, alike
from tests.audit.postgres.logs.reading import faults, killed, pieces, records, same, whole

OLDER = Path(__file__).parent / "older"
COLUMNS = {12: 23, 13: 24}
CLASSES = {
    "connection-received", "connection-authorized", "disconnection", "bad-value", "syntax-error", "undefined-object",
    "raised", "constraint-violation", "ddl", "drop", "role-changed", "drop-database", "checkpoint", "privilege-denied",
    "cancelled", "terminated", "failed-password", "unknown-role", "unknown-database", "config-reload", "shutdown",
}  # fmt: skip

pytestmark = pytest.mark.parametrize("major", COLUMNS)


def written(major: int) -> dict[str, bytes]:
    names = {"csvlog": f"postgresql-{major}.csv", "stderr": f"postgresql-{major}.log"}
    return {name: (OLDER / file).read_bytes() for name, file in names.items()}


def test_both_formats_tell_the_same_classes(major: int) -> None:
    found = alike(written(major))
    assert set(found) >= CLASSES
    (unknown,) = found["unknown-role"]
    assert (unknown.role, unknown.database, unknown.sqlstate) == ("nobody", "postgres", "28P01")
    (missing,) = found["unknown-database"]
    assert (missing.database, missing.level) == ("nowhere", "FATAL")
    (made,) = found["role-changed"]
    assert made.message == "statement: CREATE ROLE clerk LOGIN PASSWORD ?"


def test_every_field_of_the_columns_there_are(major: int) -> None:
    text = written(major)["csvlog"]
    assert {len(row) for row in csv.reader(text.decode().splitlines(keepends=True))} == {COLUMNS[major]}
    assert PERSON.encode() in text
    assert SECRET.encode() in text
    parser = open_parser(text[:4000])
    assert parser.format == "csvlog"
    read = whole(parser, text)
    assert faults(read) == []
    (one,) = (one for one in records(read) if one.message == 'column "no_such_column" does not exist')
    assert (one.level, one.sqlstate, one.role, one.database, one.command) == (
        "ERROR", "42703", "postgres", "postgres", "SELECT",
    )  # fmt: skip
    assert one.internal_query == 'SELECT "no_such_column"\n             FROM pg_class WHERE 1 / 0 = 1'
    assert one.context.startswith("PL/pgSQL function deep(integer) line 4 at EXECUTE\n")
    assert one.query == "SELECT deep(3)\n"
    assert one.application.startswith('app "quoted", and ')
    assert one.address == "127.0.0.1"
    assert one.port
    assert one.session_start
    assert one.line
    assert one.backend_type == ("client backend" if major == 13 else "")
    assert one.query_id is None
    assert Reader().read(one).kind == "undefined-object"


def test_in_any_pieces_and_after_any_death(major: int) -> None:
    for name, text in written(major).items():
        read = whole(open_parser(format=name, prefix=PREFIX), text)
        numbers = random.Random(name)
        for _ in range(20):
            cuts = [numbers.randrange(len(text)) for _ in range(20)]
            same(pieces(open_parser(format=name, prefix=PREFIX), text, cuts), read)
            same(killed(lambda state: open_parser(format=name, prefix=PREFIX, state=state), text, cuts), read)  # noqa: B023
