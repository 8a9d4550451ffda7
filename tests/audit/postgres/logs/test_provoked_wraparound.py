"""A server whose transaction numbers run out: a real one, set forward by pg_resetwal, held by a forgotten slot."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import psycopg
import pytest

from tests.audit.postgres.logs.conftest import Writer, writing
from tests.audit.postgres.logs.provoking import PERSON, PREFIX, alike
from tovgov.binaries import binaries, majors, runnable
from tovgov.server_user import server_user

SETTINGS = {
    "log_min_messages": "warning",
    "log_line_prefix": PREFIX,
    "wal_level": "logical",
    "autovacuum_max_workers": "1",
}
LIMIT = 2**31
"""So many transactions after the oldest, numbers would come again (``SetTransactionIdLimit`` in varsup.c): 40 million
before that the server warns, 3 million before it refuses to write."""
PAGES = 32 * 8192
"""Bytes of a file of pg_xact; each holds the states of four transactions."""


def set_forward(writer: Writer, number: int) -> None:
    """Let the stopped server's next transaction have about this number: the first of a file of pg_xact."""
    cluster = writer.cluster
    user = server_user(cluster.folder)
    file = cluster.folder / "pg_xact" / f"{number // (4 * PAGES):04X}"
    file.write_bytes(bytes(PAGES))
    os.chown(file, user.uid, user.gid)
    first = number // (4 * PAGES) * 4 * PAGES
    program = runnable(binaries(cluster.major), user) / "pg_resetwal"
    command = [program, "-x", str(first), cluster.folder]
    subprocess.run(command, check=True, capture_output=True, cwd=cluster.folder, **user.subprocess_arguments())  # type: ignore[call-overload]


@pytest.mark.parametrize("major", sorted(majors()))
def test_transaction_numbers_run_out(major: int, tmp_path: Path) -> None:
    with writing(tmp_path, major, SETTINGS) as writer:
        with psycopg.connect(**writer.cluster.keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
            connection.execute("CREATE TABLE members (email text)")
            connection.execute("SELECT pg_create_logical_replication_slot('forgotten', 'pgoutput')")
        writer.cluster.stop()
        before = writer.sizes()
        set_forward(writer, LIMIT - 30_000_000)
        writer.cluster.start()
        assert writer.execute(f"INSERT INTO members VALUES ('{PERSON}')") is None
        assert writer.execute("VACUUM members") is None
        writer.cluster.stop()
        set_forward(writer, LIMIT - 1_000_000)
        with pytest.raises(psycopg.errors.ProgramLimitExceeded):
            writer.cluster.start()  # and sets the password
        assert writer.execute(f"INSERT INTO members VALUES ('{PERSON}')") == "54000"
        writer.cluster.stop()  # autovacuum speaks until then
        found = alike(writer.since(before))
    said = [(one.level, one.message) for one in found["wraparound"]]
    assert {level for level, _ in said} == {"WARNING", "ERROR"}
    for text in ("database with OID 1 must be vacuumed within ", 'database "', "database is not accepting commands",
                 "bypassing nonessential maintenance of table "):  # fmt: skip
        assert any(message.startswith(text) for _, message in said), text
    assert any(message.endswith(" far in the past") for _, message in said)
    assert "INSERT INTO members VALUES (?)" in {one.query for one in found["wraparound"]}
