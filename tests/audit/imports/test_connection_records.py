"""Connections out of a server's log: records as PostgreSQL writes them, joined over borders of chunks, and forged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from audit import ledger
from audit.actors import Actor
from audit.imports.connection_records import take
from audit.models import ConnectionAuditLog, ConnectionGroup, ImportSource, PendingLogin, Target
from audit.postgres.logs.record import LogRecord
from tests import factories

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 12, 6, 0, 4, 123000, tzinfo=UTC)


@pytest.fixture
def source() -> ImportSource:
    return factories.ImportSourceFactory(kind="folder")


def record(message: str, seconds: float = 0, **more: Any) -> LogRecord:
    facts: dict[str, Any] = {"level": "LOG", "sqlstate": "00000", "pid": 4711, "session": "69b2.1267"}
    return LogRecord(at=AT + timedelta(seconds=seconds), message=message, **(facts | more))


def session(*, foreign: bool = False) -> list[LogRecord]:
    words = FOREIGN if foreign else ENGLISH
    known = {"role": "tovplay_app", "database": "TovPlay", "address": "10.0.0.7"}
    return [
        record(words[0], line=1, address="10.0.0.7", command=""),
        record(words[1], 0.01, line=2, command="authentication", **known),
        record(words[2], 0.02, line=3, command="authentication", **known),
        record(words[3], 9, line=4, command="idle", **known, application="web"),
    ]


ENGLISH = (
    "connection received: host=10.0.0.7 port=51442",
    'connection authenticated: identity="tovplay_app" method=scram-sha-256 (/etc/postgresql/pg_hba.conf:12)',
    "connection authorized: user=tovplay_app database=TovPlay application_name=web SSL enabled"
    " (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)",
    "disconnection: session time: 0:00:08.900 user=tovplay_app database=TovPlay host=10.0.0.7 port=51442",
)
FOREIGN = (
    "Verbindung empfangen: Host=10.0.0.7 Port=51442",
    "Verbindung authentifiziert: Identität=»tovplay_app« Methode=scram-sha-256 (/etc/postgresql/pg_hba.conf:12)",
    "Verbindung autorisiert: Benutzer=tovplay_app Datenbank=TovPlay application_name=web SSL an (Protokoll=TLSv1.3)",
    "Verbindungsende: Sitzungszeit: 0:00:08.900 Benutzer=tovplay_app Datenbank=TovPlay Host=10.0.0.7 Port=51442",
)


def facts(row: ConnectionAuditLog) -> dict[str, Any]:
    names = ("role", "database", "client_address", "application_name", "tls", "method", "outcome", "session")
    return {name: getattr(row, name) for name in names}


WHOLE = {
    "role": "tovplay_app", "database": "TovPlay", "client_address": "10.0.0.7", "application_name": "web", "tls": True,
    "method": "scram-sha-256", "outcome": "accepted", "session": "69b2.1267",
}  # fmt: skip


@pytest.mark.parametrize("foreign", [False, True], ids=["English", "German"])
@pytest.mark.parametrize("chunk", [1, 2, 3, 4])
def test_a_session_is_joined_however_its_records_come(source: ImportSource, chunk: int, foreign: bool) -> None:
    records = session(foreign=foreign)
    for start in range(0, len(records), chunk):
        take(source, records[start : start + chunk])
    row = ConnectionAuditLog.objects.get()
    assert facts(row) == WHOLE
    assert (row.at, row.ended_at) == (AT, AT + timedelta(seconds=9))
    assert not PendingLogin.objects.exists()


def own_session(**more: Any) -> list[LogRecord]:
    """A session of tovgov's own: who it is stands in its third record."""
    known: dict[str, Any] = {"role": "tovgov_watch", "database": "TovPlay", "address": "10.0.0.9"}
    known |= more
    name = known.pop("application", "tovgov watch")
    authorized = f"connection authorized: user={known['role']} database=TovPlay application_name={name}"
    ended = f"disconnection: session time: 0:00:08.900 user={known['role']} database=TovPlay host={known['address']}"
    return [
        record(f"connection received: host={known['address']} port=51442", line=1, address=known["address"]),
        record(ENGLISH[1].replace("tovplay_app", known["role"]), 0.01, line=2, command="authentication", **known),
        record(authorized, 0.02, line=3, command="authentication", **known),
        record(ended, 9, line=4, command="idle", **known, application=name),
    ]


@pytest.fixture
def watched(source: ImportSource) -> ImportSource:
    """tovgov logs in as tovgov_watch, and the server saw it come from 10.0.0.9."""
    factories.CredentialFactory(target=source.target, user="tovgov_watch")
    Target.objects.filter(pk=source.target_id).update(own_addresses=["10.0.0.9"])
    return ImportSource.objects.get(pk=source.pk)


@pytest.mark.parametrize("chunk", [1, 2, 3, 4])
def test_a_session_of_tovgovs_own_is_left_out_however_its_records_come(watched: ImportSource, chunk: int) -> None:
    records = [*own_session(), record("connection received: host=10.0.0.7 port=1", 900, session="other", pid=2)]
    for start in range(0, len(records), chunk):
        take(watched, records[start : start + chunk])
    assert not ConnectionAuditLog.objects.exists()
    assert not ConnectionGroup.objects.exists()
    assert PendingLogin.objects.get().key == "other", "nothing waits for what was decided"


@pytest.mark.parametrize(
    "liar",
    [
        {"role": "clerk"},
        {"application": "psql"},
        {"address": "10.0.0.66"},
        {"address": "[local]"},
        {"address": "app7.example.org"},
    ],
)
def test_a_session_that_only_calls_itself_tovgov_is_kept(watched: ImportSource, liar: dict[str, str]) -> None:
    take(watched, own_session(**liar))
    assert ConnectionAuditLog.objects.count() == 1
    assert ConnectionGroup.objects.get().is_new


@pytest.mark.parametrize(("days", "kept"), [(1, 0), (-1, 1)], ids=["before", "after"])
def test_a_role_that_tovgov_gave_up_is_its_own_until_then(source: ImportSource, days: int, kept: int) -> None:
    Target.objects.filter(pk=source.target_id).update(own_addresses=["10.0.0.9"])
    entry = ledger.append(
        "target.set_credential", actor=Actor.system("tests"), obj=source.target, former="tovgov_watch"
    )
    for told in (records := own_session()):
        told.at = entry.at - timedelta(days=days)
    take(ImportSource.objects.get(pk=source.pk), records)
    assert ConnectionAuditLog.objects.count() == kept


def test_a_refused_login_of_tovgovs_own_role_is_kept(watched: ImportSource) -> None:
    facts = {"level": "FATAL", "sqlstate": "3D000", "line": 4, "role": "tovgov_watch", "address": "10.0.0.9"}
    refused = record('database "TovPlay" does not exist', 0.03, application="tovgov watch", **facts)
    take(watched, [*own_session()[:3], refused])
    assert ConnectionAuditLog.objects.get().outcome == "unknown database"


def test_read_again_it_changes_nothing(source: ImportSource) -> None:
    take(source, session())
    again = take(source, session())
    assert (again.rows, again.known, again.ended) == (0, 1, 0)


def test_the_same_log_in_another_format_is_the_same_connection(source: ImportSource) -> None:
    take(source, session())
    other = factories.ImportSourceFactory(target=source.target, kind="folder", name="csvlog")
    assert take(other, session()).rows == 0


def test_without_columns_the_words_tell(source: ImportSource) -> None:
    """A log_line_prefix of ``%m [%p]`` alone."""
    bare = [record(text, n, session="", sqlstate="") for n, text in enumerate(ENGLISH)]
    take(source, bare)
    row = ConnectionAuditLog.objects.get()
    assert facts(row) == WHOLE | {"session": ""}
    assert row.ended_at == bare[3].at


def test_the_socket_and_a_host_name(source: ImportSource) -> None:
    take(
        source,
        [record("connection received: host=[local]", line=1), record("connection authorized: user=a database=b")],
    )
    named = {"session": "69b2.2", "pid": 2}
    take(source, [record("connection received: host=app7.example.org port=4", line=1, **named)])
    take(source, [record("connection authorized: user=a database=b", 1, **named)])
    rows = ConnectionAuditLog.objects.order_by("at", "pid")
    assert {(row.came_from, row.tls) for row in rows} == {("the server itself", False), ("app7.example.org", False)}


def test_names_with_spaces_and_signs(source: ImportSource) -> None:
    text = "connection authorized: user=my role database=x=1 database=TovPlay application_name=a database=b SSL enabled"
    take(source, [record(f"{text} (protocol=TLSv1.3)", role="my role", database="x=1 database=TovPlay")])
    row = ConnectionAuditLog.objects.get()
    assert (row.role, row.database, row.tls) == ("my role", "x=1 database=TovPlay", True)


def test_replication_has_no_database(source: ImportSource) -> None:
    take(source, [record("replication connection authorized: user=standby application_name=walreceiver")])
    row = ConnectionAuditLog.objects.get()
    assert (row.role, row.database, row.application_name) == ("standby", "", "walreceiver")


HBA = 'no pg_hba.conf entry for host "10.9.9.9", user "dana", database "TovPlay", no encryption'
MATCHED = 'Connection matched file "/etc/postgresql/pg_hba.conf" line 12: "host all all all scram-sha-256"'
REFUSALS: dict[str, tuple[str, str, str, str, str]] = {
    "wrong password": ("28P01", 'password authentication failed for user "dana"', MATCHED, "failed password", "dana"),
    "no such role": (
        "28P01", 'password authentication failed for user "dana"', f'Role "dana" does not exist.\n{MATCHED}',
        "unknown role", "dana",
    ),
    "no such role, trusted": ("28000", 'role "dana" does not exist', "", "unknown role", "dana"),
    "no entry": ("28000", HBA, "", "no pg_hba entry", "dana"),
    "rejected": ("28000", HBA.replace("no pg_hba.conf entry", "pg_hba.conf rejects connection"), "", "no pg_hba entry",
                 "dana"),
    "no login": ("28000", 'role "dana" is not permitted to log in', "", "refused", "dana"),
    "no database": ("3D000", 'database "nowhere" does not exist', "", "unknown database", ""),
    "too many": ("53300", 'too many connections for role "dana"', "", "too many", "dana"),
    "no room": ("53300", "sorry, too many clients already", "", "too many", ""),
    "no right": ("42501", 'permission denied for database "TovPlay"', "It lacks CONNECT.", "refused", ""),
    "in German": ("28P01", "Passwort-Authentifizierung für Benutzer »dana« fehlgeschlagen", "", "failed password",
                  "dana"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_refused(source: ImportSource, name: str) -> None:
    sqlstate, message, detail, outcome, role = REFUSALS[name]
    take(source, [record(ENGLISH[0], line=1), record(message, 0.1, level="FATAL", sqlstate=sqlstate, detail=detail)])
    row = ConnectionAuditLog.objects.get()
    assert (row.outcome, row.role, row.client_address) == (outcome, role, "10.0.0.7")
    assert message in row.reason
    assert not PendingLogin.objects.exists()
    assert row.of_group.is_noise is False


@pytest.mark.parametrize("chunk", [1, 5])
def test_let_in_and_refused_after_all_is_refused(source: ImportSource, chunk: int) -> None:
    missing = record(
        'database "nowhere" does not exist', 0.03, level="FATAL", sqlstate="3D000", line=4, role="tovplay_app"
    )
    records = [*session()[:3], missing]
    for start in range(0, len(records), chunk):
        take(source, records[start : start + chunk])
    (row,) = ConnectionAuditLog.objects.filter(same_as=None)
    assert (row.outcome, row.role, row.client_address) == ("unknown database", "tovplay_app", "10.0.0.7")
    assert row.of_group.count == 1


def test_a_fatal_of_a_running_session_is_no_refusal(source: ImportSource) -> None:
    gone = record("terminating connection due to administrator command", level="FATAL", sqlstate="57P01")
    take(source, [gone, record('role "x" does not exist', level="ERROR", sqlstate="28000")])
    late = record('database "x" does not exist', level="FATAL", sqlstate="3D000", line=900)
    take(source, [late])
    assert not ConnectionAuditLog.objects.exists()


FORGED = {
    "with a context": {"context": "PL/pgSQL function inline_code_block line 1 at RAISE"},
    "while a command runs": {"command": "DO"},
    "late in its session": {"line": 40},
    "with a statement": {"query": "DO $$ … $$"},
    "with a code of its own": {"sqlstate": "01000"},
}


@pytest.mark.parametrize("name", FORGED)
def test_a_line_that_a_role_wrote_itself_is_not_believed(source: ImportSource, name: str) -> None:
    forged = [record(ENGLISH[2], **({"line": 3, "role": "mallory"} | FORGED[name]))]
    take(source, forged)
    assert not ConnectionAuditLog.objects.exists()


def test_a_statement_that_looks_like_a_record_is_none(source: ImportSource) -> None:
    idle = {"command": "idle", "line": 4, "role": "mallory"}
    take(source, [record(f"statement: SELECT '{text}'", **idle) for text in (*ENGLISH, *FOREIGN)])
    take(source, [record("statement: SELECT a=b, c=d", **idle), record("duration: 12.1 ms  statement: x=1", **idle)])
    assert not ConnectionAuditLog.objects.exists()
    assert not PendingLogin.objects.exists()


def test_a_connection_that_says_nothing_is_forgotten(source: ImportSource) -> None:
    take(source, session()[:1])
    assert PendingLogin.objects.count() == 1
    take(source, [record("connection received: host=10.0.0.8 port=1", 300, pid=9, session="x")])
    assert PendingLogin.objects.get().key == "x"
    assert not ConnectionAuditLog.objects.exists()


def test_where_only_authentication_is_logged_it_counts_as_let_in(source: ImportSource) -> None:
    """PostgreSQL 18: log_connections = 'receipt,authentication'."""
    take(source, session()[:2])
    take(source, [record("connection received: host=10.0.0.8 port=1", 300, pid=9, session="x")])
    row = ConnectionAuditLog.objects.get()
    assert (row.role, row.method, row.outcome) == ("tovplay_app", "scram-sha-256", "accepted")
