"""What PostgreSQL 15, 16 and 18 really write of connections, joined to connections: read from their own jsonlog."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from audit.imports.connection_records import take
from audit.models import ConnectionAuditLog, ImportSource
from audit.postgres.logs.record import LogRecord
from tests import factories
from tovgov.embedded import Cluster, free_port, majors

pytestmark = pytest.mark.django_db
SETTINGS = {
    "logging_collector": "on", "log_destination": "jsonlog", "log_connections": "on", "log_disconnections": "on",
    "log_statement": "all", "shared_buffers": "16MB", "log_timezone": "UTC",
}  # fmt: skip


@pytest.fixture(scope="module", params=sorted(majors()))
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A server of its own, whose log is read."""
    folder = tmp_path_factory.mktemp("logging")
    for place in (folder, folder.parent):
        place.chmod(0o711)
    password = secrets.token_hex(8)
    made = Cluster(folder / "data", request.param, free_port(), True, password, SETTINGS, durable=False)
    made.start()
    yield made
    made.stop(immediately=True)


@pytest.fixture
def source() -> ImportSource:
    return factories.ImportSourceFactory(kind="folder")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace(" UTC", "+00:00").replace(" ", "T"))


def records(server: Cluster) -> list[LogRecord]:
    """The server's jsonlog, in order."""
    found = []
    for file in sorted(Path(server.folder, "log").glob("*.json")):
        for line in file.read_text().splitlines():
            row = json.loads(line)
            found.append(LogRecord(
                at=moment(row["timestamp"]), level=row["error_severity"], message=row.get("message", ""),
                sqlstate=row.get("state_code", ""), pid=row.get("pid"), session=row.get("session_id", ""),
                line=row.get("line_num"), role=row.get("user", ""), database=row.get("dbname", ""),
                address=row.get("remote_host", ""), application=row.get("application_name", ""),
                command=row.get("ps", ""), detail=row.get("detail", ""), context=row.get("context", ""),
                query=row.get("statement", ""), backend_type=row.get("backend_type", ""),
                session_start=moment(row["session_start"]) if row.get("session_start") else None,
            ))  # fmt: skip
    return found


def refused(server: Cluster, **words: str) -> None:
    with suppress(psycopg.OperationalError):
        psycopg.connect(**(server.keywords() | words)).close()  # type: ignore[arg-type]


def test_every_login_and_every_refusal_is_found(server: Cluster, source: ImportSource) -> None:
    name = f"clerk_{secrets.token_hex(4)}"
    forged = "connection authorized: user=ghost database=ghosts application_name=x"
    with psycopg.connect(**server.keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
        words = "CREATE ROLE {} LOGIN PASSWORD 'right' CONNECTION LIMIT 0"
        connection.execute(sql.SQL(words).format(sql.Identifier(name)))
        connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN PASSWORD 'right'").format(sql.Identifier(name + "_not")))
        connection.execute(f"DO $$ BEGIN RAISE LOG '{forged}'; END $$")  # type: ignore[arg-type]
        connection.execute(f"SELECT '{forged}'")  # type: ignore[arg-type]
    with psycopg.connect(**server.keywords(), application_name=f"till {name}"):  # type: ignore[arg-type]
        pass
    refused(server, user=name, password="wrong")
    refused(server, user=name, password="right")
    refused(server, user=f"{name}_not", password="right")
    refused(server, user=f"{name}_who", password="x")
    refused(server, dbname="nowhere")
    server.stop()  # then its log is whole
    found = records(server)
    half = len(found) // 2
    take(source, found[:half])
    take(source, found[half:])
    again = take(source, found)
    assert again.rows == 0
    shown = ConnectionAuditLog.objects.filter(same_as=None)
    till = shown.get(application_name=f"till {name}")
    assert (till.role, till.database, till.client_address, till.tls) == ("postgres", "postgres", "127.0.0.1", False)
    assert till.method == "scram-sha-256"
    assert till.duration is not None
    assert timedelta(0) < till.duration < timedelta(minutes=5)
    outcomes = {(row.role, row.outcome) for row in shown.exclude(outcome="accepted")}
    assert outcomes >= {
        (name, "failed password"),
        (name, "too many"),
        (f"{name}_not", "refused"),
        (f"{name}_who", "unknown role"),
        ("postgres", "unknown database"),
    }
    assert not shown.filter(role="ghost").exists()
    assert not shown.filter(outcome="accepted", database="nowhere").exists()
