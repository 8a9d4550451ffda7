"""Classes of what real servers write when it is provoked: each version on this machine, no text of ours in between."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress

import psycopg

from audit.postgres.connect import ConnInfo
from audit.postgres.logs.opening import open_parser
from audit.postgres.logs.reading import Reader, Reading
from audit.postgres.logs.record import LogRecord
from tests.audit.postgres.logs.conftest import SECONDS, Writer
from tests.audit.postgres.logs.reading import records, whole

SECRET = "hUntEr2-zq"
PERSON = "dana@example.org"
Told = dict[str, list[tuple[LogRecord, Reading]]]


def classes(writer: Writer, change: Callable[[], None]) -> Told:
    """What the server wrote meanwhile, by class."""
    return told(writer.written(change)["csvlog"])


def told(text: bytes) -> Told:
    reader, out = Reader(), defaultdict(list)
    for one in records(whole(open_parser(text, format="csvlog"), text)):
        reading = reader.read(one)
        out[reading.kind].append((one, reading))
    return dict(out)


def execute(writer: Writer, *statements: str) -> None:
    """Several statements in one session, whatever becomes of them."""
    with psycopg.connect(**writer.cluster.keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
        for statement in statements:
            with suppress(psycopg.Error):
                if statement.endswith("TO STDOUT"):
                    with connection.cursor().copy(statement) as copy:  # type: ignore[arg-type]
                        list(copy)
                else:
                    connection.execute(statement)  # type: ignore[arg-type]


def until(is_so: Callable[[], bool]) -> None:
    """Wait for the server."""
    deadline = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def login(writer: Writer, user: str, database: str = "postgres", password: str = "wrong") -> None:
    writer.fail(ConnInfo(database=database, host="127.0.0.1", port=writer.cluster.port, user=user, password=password))


def test_logins(writer: Writer) -> None:
    execute(writer, f"CREATE ROLE clerk LOGIN PASSWORD '{SECRET}'", "CREATE ROLE nologin PASSWORD 'x'",
            f"CREATE ROLE full_house LOGIN PASSWORD '{SECRET}' CONNECTION LIMIT 0",
            "CREATE ROLE banned LOGIN PASSWORD 'x'")  # fmt: skip
    rules = writer.cluster.folder / "pg_hba.conf"
    before = rules.read_text()

    def change() -> None:
        login(writer, "clerk")
        login(writer, "nobody_knows")
        login(writer, "clerk", "nowhere", SECRET)
        login(writer, "nologin", password="x")
        login(writer, "full_house", password=SECRET)
        login(writer, "banned", password="x")
        writer.execute("SELECT 'let in'")

    try:
        rules.write_text("host all banned all reject\n" + before)
        writer.set(log_connections="on")
        found = classes(writer, change)
    finally:
        rules.write_text(before)
        writer.set(log_connections="on")
    assert {record.role for record, _ in found["failed-password"]} == {"clerk"}
    assert {record.role for record, _ in found["unknown-role"]} == {"nobody_knows"}
    assert {record.database for record, _ in found["unknown-database"]} == {"nowhere"}
    assert {record.role for record, _ in found["login-refused"]} == {"nologin"}
    assert {record.role for record, _ in found["too-many-connections"]} == {"full_house"}
    assert {record.role for record, _ in found["no-hba-entry"]} == {"banned"}
    assert {"connection-received", "connection-authorized", "disconnection"} <= set(found)
    unknown = [record.message for kind in ("other", "other-error") for record, _ in found.get(kind, ())]
    assert [message for message in unknown if not message.startswith("mark ")] == []


STATEMENTS = {
    "SET ROLE clerk; SELECT * FROM pg_authid": "privilege-denied",
    f"SELECT '{PERSON}'::int": "bad-value",
    "SELECT 1/0": "bad-value",
    f"SELECT '{PERSON}": "syntax-error",
    f"SELEC '{PERSON}'": "syntax-error",
    "SELECT * FROM nowhere": "undefined-object",
    "SELECT nothing(5)": "undefined-object",
    f"INSERT INTO members VALUES ('{PERSON}')": "constraint-violation",
    "INSERT INTO members VALUES (NULL)": "constraint-violation",
    "SET statement_timeout = 1; SELECT pg_sleep(30)": "cancelled",
    "BEGIN READ ONLY; DELETE FROM members; COMMIT": "transaction-state",
    f"DO $$ BEGIN RAISE EXCEPTION 'no such member: {PERSON}'; END $$": "raised",
    "ALTER TABLE members DROP COLUMN email": "drop",
    "COPY members TO STDOUT": "copy-out",
    "COPY members TO PROGRAM 'cat > /dev/null'": "server-files",
    "TRUNCATE members": "truncate",
    "DROP TABLE members": "drop",
    "CREATE DATABASE gone": "ddl",
    "DROP DATABASE gone": "drop-database",
    f"ALTER ROLE clerk PASSWORD '{SECRET}'": "role-changed",
    "GRANT pg_read_all_data TO clerk": "role-changed",
    "ALTER ROLE clerk SET work_mem = '1MB'": "settings-changed",
    "SET work_mem = '64kB'; SELECT count(*) FROM (SELECT generate_series(1, 50000) AS n ORDER BY 1 DESC) x": (
        "temporary-file"
    ),
    "SET log_min_duration_statement = 0; SELECT 1": "slow-statement",
    "SET log_statement = 'all'; DELETE FROM pg_temp.nothing": "delete-all",
    "CHECKPOINT": "checkpoint",
    "SELECT pg_terminate_backend(pg_backend_pid())": "terminated",
}


def test_statements(writer: Writer) -> None:
    writer.set(log_statement="all", log_temp_files="0", log_checkpoints="on", log_min_messages="warning")
    execute(writer, f"CREATE ROLE clerk LOGIN PASSWORD '{SECRET}'")  # where another test has not made it already
    wrong, kept = {}, ""
    for statement, kind in STATEMENTS.items():
        make = ["DROP TABLE IF EXISTS members", "CREATE TABLE members (email text PRIMARY KEY)"]
        execute(writer, *make, f"INSERT INTO members VALUES ('{PERSON}')")

        def change(statement: str = statement) -> None:
            execute(writer, *statement.split("; ") if "$$" not in statement else [statement])

        found = classes(writer, change)
        if kind not in found:
            wrong[statement] = sorted(found)
        kept += repr(found)
    assert wrong == {}
    assert PERSON not in kept
    assert SECRET not in kept


def test_locks(writer: Writer) -> None:
    writer.set(deadlock_timeout="50ms", log_lock_waits="on", log_min_messages="warning")
    execute(writer, "CREATE TABLE pair (id int PRIMARY KEY, name text)", "INSERT INTO pair VALUES (1, 'a'), (2, 'b')")
    keywords, log = writer.cluster.keywords(), writer.paths()["csvlog"]

    def change() -> None:
        with psycopg.connect(**keywords) as one, psycopg.connect(**keywords) as two:  # type: ignore[arg-type]
            one.execute(f"UPDATE pair SET name = '{PERSON}' WHERE id = 1")
            two.execute(f"UPDATE pair SET name = '{PERSON}' WHERE id = 2")

            def wait() -> None:
                try:
                    two.execute(f"UPDATE pair SET name = '{PERSON}' WHERE id = 1")
                except psycopg.Error:
                    two.rollback()

            waiting = threading.Thread(target=wait)
            waiting.start()
            try:
                one.execute(f"UPDATE pair SET name = '{PERSON}' WHERE id = 2")
            except psycopg.Error:
                one.rollback()
            waiting.join()
        with psycopg.connect(**keywords) as one:  # type: ignore[arg-type]
            one.execute("SELECT * FROM pair FOR UPDATE")
            execute(writer, "SELECT * FROM pair FOR UPDATE NOWAIT")
            begin = log.stat().st_size
            waiting = threading.Thread(target=execute, args=(writer, "SELECT * FROM pair FOR UPDATE"))
            waiting.start()
            until(lambda: b"still waiting for" in log.read_bytes()[begin:])
            one.rollback()
            waiting.join()

    found = classes(writer, change)
    assert {"deadlock", "lock-wait", "lock-timeout"} <= set(found), found.get("other")
    details = [record.detail for record, _ in found["deadlock"] if "waits for" in record.detail]
    assert any("UPDATE pair SET name = ? WHERE id = ?" in detail for detail in details)
    assert PERSON not in repr(found)


def test_settings(writer: Writer) -> None:
    rules = writer.cluster.folder / "pg_hba.conf"
    before = rules.read_text()

    def change() -> None:
        writer.set(work_mem="5MB")
        rules.write_text("nonsense\n" + before)
        writer.set(work_mem="6MB")
        rules.write_text(before)
        writer.set(work_mem="4MB")

    try:
        writer.set(log_statement="ddl", log_min_messages="warning")
        found = classes(writer, change)
    finally:
        rules.write_text(before)
    assert {"settings-changed", "config-reload", "hba-reload"} <= set(found)
    assert any(record.message.startswith("parameter") for record, _ in found["settings-changed"])


def test_a_crash_a_stop_and_a_damaged_page(writer: Writer) -> None:
    """Last: the server goes down twice."""
    writer.set(log_min_messages="warning")
    log = writer.paths()["csvlog"]
    begin = log.stat().st_size
    keywords = writer.cluster.keywords()
    with psycopg.connect(**keywords, autocommit=True) as victim:  # type: ignore[arg-type]
        victim.execute("CREATE TABLE damaged AS SELECT 1 AS n")
        victim.execute("CHECKPOINT")
        row = victim.execute("SELECT pg_relation_filepath('damaged')").fetchone()
        sleep = f"SELECT pg_sleep(60), '{PERSON}'"

        def die() -> None:
            with suppress(psycopg.Error):
                victim.execute(sleep)

        sleeping = threading.Thread(target=die)
        sleeping.start()
        until(lambda: "pg_sleep" in active(keywords, victim.info.backend_pid))
        os.kill(victim.info.backend_pid, signal.SIGKILL)
        sleeping.join()
    until(lambda: writer.execute("SELECT 'recovered'") is None)
    writer.cluster.stop()
    assert row is not None
    page = writer.cluster.folder / row[0]
    page.write_bytes(os.urandom(8192))
    writer.cluster.start()
    assert writer.execute("SELECT * FROM damaged") == "XX001"
    writer.mark()
    found = told(log.read_bytes()[begin:])
    assert {"crash", "recovery", "shutdown", "start", "data-corrupted"} <= set(found)
    said = "Failed process was running: SELECT pg_sleep(?), ?"
    assert said in {record.detail for record, _ in found["crash"]}
    assert PERSON not in repr(found)


def active(keywords: dict[str, str], pid: int) -> str:
    with psycopg.connect(**keywords, autocommit=True) as connection:  # type: ignore[arg-type]
        asked = "SELECT query FROM pg_stat_activity WHERE pid = %s AND state = 'active'"
        return repr(connection.execute(asked, [pid]).fetchall())
