"""Fingerprints: the same for what differs only in values, different for what differs otherwise."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.postgres.logs.reading import REMEMBERED, Reader, read
from tests.audit.postgres.logs.telling import record, told

ALIKE = [
    ("statement: SELECT * FROM t WHERE a = 5", "statement: select *  from t where a = -7.5e3"),
    ("statement: SELECT * FROM t WHERE a = 'x'", "statement: SELECT * FROM t WHERE a = 'it''s'"),
    ("statement: SELECT * FROM t WHERE a IN (1, 2, 3)", "statement: SELECT * FROM t WHERE a IN (1)"),
    ("statement: INSERT INTO t VALUES (1, 'a'), (2, 'b')", "statement: INSERT INTO t VALUES (7, 'c')"),
    ("statement: SELECT 1 /* trace 7 */", "statement: SELECT 2"),
    ("duration: 5.1 ms  statement: SELECT 1", "duration: 612.33 ms  statement: SELECT 2"),
    ("connection received: host=192.0.2.7 port=1", "connection received: host=2001:db8::7 port=2"),
    ("disconnection: session time: 0:00:00.1 user=a", "disconnection: session time: 10:00:00.1 user=a"),
    ("process 7 still waiting for ShareLock on transaction 8 after 1000.1 ms",
     "process 90 still waiting for ShareLock on transaction 91 after 2000.2 ms"),
    ("request 6ba7b810-9dad-11d1-80b4-00c04fd430c8 failed", "request a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11 failed"),
    ("redo starts at 0/3000060", "redo starts at 1A/FF000028"),
    ("server process (PID 7) was terminated by signal 9: Killed",
     "server process (PID 888) was terminated by signal 9: Killed"),
    ('statement: GRANT SELECT, INSERT ON TABLE public."User" TO app',
     "statement: GRANT SELECT, INSERT ON TABLE b TO app"),
    ('statement: REVOKE ALL ON SEQUENCE a FROM app', 'statement: REVOKE ALL ON SEQUENCE public."B" FROM app'),
    ('statement: ALTER TABLE public."User" OWNER TO app', "statement: ALTER TABLE b OWNER TO app"),
    ("mail to bob@example.org failed", "mail to alice.b@mail.example.org failed"),
]  # fmt: skip
DIFFERENT = [
    "statement: SELECT * FROM t WHERE a = 5",
    "statement: SELECT * FROM t WHERE b = 5",
    "statement: SELECT * FROM t2 WHERE a = 5",
    "statement: DELETE FROM t WHERE a = 5",
    "duration: 1.0 ms  statement: SELECT * FROM t WHERE a = 5",
    "connection received: host=192.0.2.7 port=1",
    'relation "a" does not exist',
    'relation "b" does not exist',
    "redo starts at 0/3000060",
    "statement: GRANT SELECT ON TABLE t TO app",
    "statement: GRANT SELECT ON TABLE t TO stranger",
    "statement: GRANT SELECT ON TABLE pg_authid TO app",
    "statement: GRANT SELECT ON TABLE t TO app WITH GRANT OPTION",
    "statement: GRANT ALL ON TABLE t TO app",
    "statement: GRANT ALL ON SCHEMA public TO app",
    "statement: GRANT ALL ON SCHEMA tovgov TO app",
    "statement: GRANT ALL ON TABLE tovgov.keys TO app",
    "statement: GRANT pg_read_all_data TO app",
    "statement: GRANT owner TO app",
    "statement: ALTER TABLE t OWNER TO app",
    "statement: ALTER TABLE t OWNER TO stranger",
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_alike(one: str, other: str) -> None:
    assert told(one)[1].fingerprint == told(other)[1].fingerprint


def test_different() -> None:
    assert len({told(message)[1].fingerprint for message in DIFFERENT}) == len(DIFFERENT)


def test_a_group_of_rights_is_named_without_its_tables() -> None:
    """So a noise filter that finds the name finds all of the group, and one of a single table hides no other."""
    text = 'statement: GRANT SELECT ON TABLE public."User" TO app; ALTER TABLE public."User" OWNER TO app'
    assert told(text)[1].title == "statement: GRANT SELECT ON TABLE … TO app; ALTER TABLE … OWNER TO app"


def test_state_and_statement_tell_errors_apart() -> None:
    def of(sqlstate: str, query: str) -> int:
        return told("it failed", "ERROR", sqlstate=sqlstate, query=query)[1].fingerprint

    assert of("40001", "SELECT 1") == of("40001", "SELECT 2")
    assert len({of("40001", "SELECT 1"), of("40P01", "SELECT 1"), of("40001", "SELECT a")}) == 3


@given(st.text(max_size=80), st.sampled_from(["LOG", "ERROR"]))
def test_a_fingerprint_fits_a_signed_bigint_and_needs_no_memory(message: str, level: str) -> None:
    first = Reader().read(record(message, level))
    assert -(2**63) <= first.fingerprint < 2**63
    warm = Reader()
    warm.read(record(message, level))
    assert warm.read(record(message, level)) == first == read(record(message, level))


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_numbers_do_not_count(one: int, other: int) -> None:
    for text in ("statement: SELECT {} FROM t", "buffer {} was pinned", "duration: {}.5 ms  parse a: SELECT {}"):
        prints = {told(text.format(number, number))[1].fingerprint for number in (one, other)}
        assert len(prints) == 1


def test_another_process_gives_the_same() -> None:
    code = (
        "from tests.audit.postgres.logs.telling import told\n"
        "print(told('statement: SELECT a FROM b WHERE c = 5')[1].fingerprint)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert int(shown) == told("statement: SELECT a FROM b WHERE c = 6")[1].fingerprint


def test_memory_is_bounded() -> None:
    reader = Reader()
    for at in range(REMEMBERED + 10):
        reader.read(record(f"statement: SELECT a{at}", application=f"a{at}"))
        reader.read(record("x" + "".join(chr(97 + int(digit)) for digit in str(at)), "ERROR"))
    memories = (reader._statements, reader._verdicts, reader._texts, reader._literals, reader._layouts)
    assert max(map(len, memories)) <= REMEMBERED
