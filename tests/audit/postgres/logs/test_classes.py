"""The table of classes, and which record is of which class."""

from __future__ import annotations

import pytest

from audit.models.server_logs import LogSeverity, ServerLogEntry
from audit.postgres.logs.classes import BY_CODE, CLASSES, EXAMPLES, Severity
from tests.audit.postgres.logs.telling import kind, statement_kind, told


def test_severities_are_those_of_the_model() -> None:
    assert {one.name: int(one) for one in Severity} == {one.name: int(one) for one in LogSeverity}


def test_every_code_fits_its_column_and_is_there_once() -> None:
    longest = ServerLogEntry._meta.get_field("kind").max_length
    assert longest
    assert all(len(row.code) <= longest for row in CLASSES)
    assert len(BY_CODE) == len(CLASSES) >= 40


@pytest.mark.parametrize("row", CLASSES, ids=lambda row: row.code)
def test_every_class_says_what_it_means_and_what_to_do(row) -> None:
    assert row.label
    assert row.meaning.endswith(".")
    assert row.advice.endswith((".", ")."))


STATES = {
    "28P01": ("FATAL", "failed-password"),
    "28000": ("FATAL", "login-refused"),
    "3D000": ("FATAL", "unknown-database"),
    "53300": ("FATAL", "too-many-connections"),
    "57P03": ("FATAL", "not-ready"),
    "08P01": ("FATAL", "protocol-violation"),
    "08006": ("LOG", "connection-lost"),
    "57P01": ("FATAL", "terminated"),
    "25P03": ("FATAL", "idle-timeout"),
    "53100": ("ERROR", "disk-full"),
    "53200": ("ERROR", "out-of-memory"),
    "XX001": ("WARNING", "data-corrupted"),
    "XX002": ("ERROR", "data-corrupted"),
    "58030": ("ERROR", "io-error"),
    "57P02": ("WARNING", "crash"),
    "F0000": ("LOG", "bad-configuration"),
    "42501": ("ERROR", "privilege-denied"),
    "40P01": ("ERROR", "deadlock"),
    "40001": ("ERROR", "serialization-failure"),
    "55P03": ("ERROR", "lock-timeout"),
    "57014": ("ERROR", "cancelled"),
    "23505": ("ERROR", "constraint-violation"),
    "42P01": ("ERROR", "undefined-object"),
    "42601": ("ERROR", "syntax-error"),
    "22P02": ("ERROR", "bad-value"),
    "25P02": ("ERROR", "transaction-state"),
    "P0001": ("ERROR", "raised"),
    "XX000": ("ERROR", "internal-error"),
    "0A000": ("ERROR", "other-error"),
    "01000": ("WARNING", "warning"),
}


@pytest.mark.parametrize("sqlstate", STATES)
def test_a_state_tells_the_class_in_any_language(sqlstate: str) -> None:
    level, expected = STATES[sqlstate]
    assert kind("ഈ സന്ദേശം", level, sqlstate=sqlstate) == expected


# Texts of PostgreSQL's sources (src/backend, 15 to 18), filled in; as stderr without %e has them: no state.
MESSAGES = {
    "connection received: host=192.0.2.7 port=51234": "connection-received",
    'connection authenticated: identity="miriam" method=md5 (/etc/pg_hba.conf:12)': "connection-authenticated",
    "connection authorized: user=miriam database=club application_name=psql": "connection-authorized",
    "replication connection authorized: user=standby application_name=walreceiver": "connection-authorized",
    "connection ready: setup total=4.2 ms, fork=0.5 ms, authentication=2.9 ms": "connection-authenticated",
    "disconnection: session time: 0:00:00.004 user=miriam database=club host=[local]": "disconnection",
    "invalid length of startup packet": "protocol-violation",
    "could not receive data from client: Connection reset by peer": "connection-lost",
    'could not write to file "pg_wal/xlogtemp.77": No space left on device': "disk-full",
    'could not fsync file "base/5/16384": Input/output error': "io-error",
    "invalid page in block 7 of relation base/5/16384": "data-corrupted",
    "page verification failed, calculated checksum 5 but expected 6": "data-corrupted",
    "server process (PID 4711) was terminated by signal 9: Killed": "crash",
    "client backend (PID 4711) was terminated by signal 11: Segmentation fault": "crash",
    "terminating any other active server processes": "crash",
    "all server processes terminated; reinitializing": "crash",
    "database system was interrupted; last known up at 2026-03-01 11:59:00 UTC": "recovery",
    "database system was not properly shut down; automatic recovery in progress": "recovery",
    "redo starts at 0/3000060": "recovery",
    "received promote request": "recovery",
    "received fast shutdown request": "shutdown",
    "database system is shut down": "shutdown",
    "starting PostgreSQL 16.4 on x86_64-pc-linux-gnu": "start",
    "database system is ready to accept connections": "start",
    'database "club" must be vacuumed within 10000000 transactions': "wraparound",
    "archive command failed with exit code 1": "archive-failure",
    "issuing SIGKILL to recalcitrant children": "crash",
    'required WAL directory "pg_wal" does not exist': "io-error",
    'could not read blocks 0..0 in file "base/5/16384": read only 0 of 8192 bytes': "data-corrupted",
    'could not read blocks 0..0 in file "base/5/16384": Input/output error': "io-error",
    'index "a_pkey" contains unexpected zero page at block 1': "data-corrupted",
    'apply worker for subscription "club" could not connect to the publisher: no': "replication-failure",
    'streaming replication receiver "s" could not connect to the primary server: no': "replication-failure",
    'can no longer access replication slot "standby"': "replication-failure",
    'can no longer get changes from replication slot "s"': "replication-failure",
    'cannot read from logical replication slot "s"': "replication-failure",
    "terminating walsender process due to replication timeout": "replication-failure",
    "requested WAL segment 000000010000000000000003 has already been removed": "replication-failure",
    'received replication command: BASE_BACKUP ( LABEL \'x\')': "replication",
    'logical replication apply worker for subscription "s" has started': "replication",
    "checkpoints are occurring too frequently (9 seconds apart)": "checkpoints-frequent",
    "checkpoint starting: time": "checkpoint",
    "restartpoint complete: wrote 7 buffers (0.0%)": "checkpoint",
    'automatic vacuum of table "club.public.members": index scans: 1': "autovacuum",
    'automatic aggressive vacuum to prevent wraparound of table "a.b.c": index scans: 0': "autovacuum",
    "received SIGHUP, reloading configuration files": "config-reload",
    "/etc/postgresql/16/main/pg_hba.conf was not reloaded": "hba-reload",
    'parameter "archive_mode" cannot be changed without restarting the server': "settings-changed",
    'parameter "log_statement" changed to "none"': "settings-changed",
    'configuration file "/etc/postgresql.conf" contains errors; unaffected changes were applied': "bad-configuration",
    "process 7 still waiting for ShareLock on transaction 8 after 1000.1 ms": "lock-wait",
    "process 7 acquired ShareLock on transaction 8 after 1200.1 ms": "lock-wait",
    "process 7 detected deadlock while waiting for ShareLock on transaction 8 after 1000.1 ms": "deadlock",
    'temporary file: path "base/pgsql_tmp/pgsql_tmp4711.0", size 14000000': "temporary-file",
    "duration: 1234.567 ms  statement: SELECT pg_sleep(1)": "slow-statement",
    "statement: SELECT 1": "statement",
    "duration: 0.020 ms": "slow-statement",
    "tovgov refused: DROP TABLE (ddl_guard as miriam, from local)": "guard-refused",
    "a sentence that nobody wrote": "other",
}  # fmt: skip
ERRORS = {
    'password authentication failed for user "miriam"': "failed-password",
    'role "nobody" does not exist': "unknown-role",
    'database "nowhere" does not exist': "unknown-database",
    'no pg_hba.conf entry for host "192.0.2.7", user "miriam", database "club", no encryption': "no-hba-entry",
    'pg_hba.conf rejects connection for host "192.0.2.7", user "a", database "b", SSL encryption': "no-hba-entry",
    'role "clerk" is not permitted to log in': "login-refused",
    "sorry, too many clients already": "too-many-connections",
    "remaining connection slots are reserved for roles with the SUPERUSER attribute": "too-many-connections",
    "the database system is starting up": "not-ready",
    "terminating connection due to administrator command": "terminated",
    "terminating connection due to idle-in-transaction timeout": "idle-timeout",
    "permission denied for table members": "privilege-denied",
    "must be owner of table members": "privilege-denied",
    "deadlock detected": "deadlock",
    "could not serialize access due to concurrent update": "serialization-failure",
    "canceling statement due to lock timeout": "lock-timeout",
    "canceling statement due to statement timeout": "cancelled",
    'duplicate key value violates unique constraint "members_pkey"': "constraint-violation",
    'relation "nope" does not exist': "undefined-object",
    'syntax error at or near "selec"': "syntax-error",
    'invalid input syntax for type integer: "x"': "bad-value",
    "out of memory": "out-of-memory",
    "current transaction is aborted, commands ignored until end of transaction block": "transaction-state",
    "tovgov refused: DROP TABLE": "guard-refused",
    "something else": "other-error",
}


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_tells_the_class_when_there_is_no_state(message: str) -> None:
    assert kind(message) == kind(message, sqlstate="00000") == MESSAGES[message]


@pytest.mark.parametrize("message", ERRORS)
def test_a_fatal_message_tells_the_class_when_there_is_no_state(message: str) -> None:
    assert kind(message, "FATAL") == ERRORS[message]


@pytest.mark.parametrize("code", EXAMPLES)
def test_a_critical_message_is_told_by_its_words_alone(code: str) -> None:
    """As Debian's log_line_prefix has it: no SQLSTATE in stderr."""
    level = {"panic": "PANIC", "wraparound": "WARNING", "drop-database": "LOG", "crash": "LOG"}.get(code, "ERROR")
    assert {message: kind(message, level) for message in EXAMPLES[code]} == dict.fromkeys(EXAMPLES[code], code)


def test_an_unknown_role_is_named_in_the_detail_of_a_failed_password() -> None:
    detail = 'Role "nobody" does not exist.\nConnection matched pg_hba.conf line 3: "host all all all scram-sha-256"'
    message = 'password authentication failed for user "nobody"'
    assert kind(message, "FATAL", sqlstate="28P01", detail=detail) == "unknown-role"
    assert kind(message, "FATAL", detail=detail) == "unknown-role"
    assert kind(message, "FATAL", sqlstate="28P01", detail="Connection matched …") == "failed-password"


def test_a_missing_relation_file_is_no_missing_library() -> None:
    file = 'could not open file "base/5/16384": No such file or directory'
    assert kind(file, "ERROR", sqlstate="58P01") == "io-error"
    assert kind('could not access file "$libdir/gone"', "ERROR", sqlstate="58P01") == "missing-file"


def test_a_warning_of_the_archiver_is_no_mere_warning() -> None:
    message = 'archiving write-ahead log file "000000010000000000000001" failed too many times, will try again later'
    assert kind(message, "WARNING", sqlstate="01000") == kind(message, "WARNING") == "archive-failure"


def test_a_warning_of_autovacuum_is_more_than_its_work() -> None:
    message = "autovacuum not started because of misconfiguration"
    assert kind(message, "WARNING", sqlstate="01000") == kind(message, "WARNING") == "warning"


WRAPAROUND = (
    "cutoff for removing and freezing tuples is far in the past",
    "cutoff for freezing multixacts is far in the past",
    "oldest xmin is far in the past",
    'bypassing nonessential maintenance of table "club.public.members" as a failsafe after 0 index scans',
)


@pytest.mark.parametrize("message", WRAPAROUND)
def test_what_vacuum_says_of_wraparound_is_no_mere_warning(message: str) -> None:
    assert kind(message, "WARNING", sqlstate="01000") == kind(message, "WARNING") == "wraparound"


def test_a_panic_is_critical_whatever_its_state() -> None:
    assert kind("could not locate a valid checkpoint record", "PANIC", sqlstate="XX000") == "panic"
    assert kind("could not write: No space left on device", "PANIC", sqlstate="53100") == "disk-full"


STATEMENTS = {
    "DROP DATABASE club": "drop-database",
    "drop\n  database if exists club with (force)": "drop-database",
    "/* tidy up */ DROP DATABASE club -- now": "drop-database",
    "DROP TABLE members": "drop",
    "drop schema public cascade": "drop",
    "ALTER TABLE members DROP COLUMN email": "drop",
    "ALTER TABLE members DROP CONSTRAINT members_check": "ddl",
    "TRUNCATE members, fees": "truncate",
    "DELETE FROM members": "delete-all",
    "delete from only public.members as m returning *": "delete-all",
    "DELETE FROM members WHERE true": "delete-all",
    "DELETE FROM members WHERE 1=1": "delete-all",
    "DELETE FROM members WHERE id = 5": "statement",
    "DELETE FROM members USING (SELECT id FROM gone WHERE x) g": "delete-all",
    "EXPLAIN (ANALYZE, BUFFERS) DELETE FROM members": "delete-all",
    "PREPARE p (int) AS DELETE FROM members": "delete-all",
    "WITH gone AS (DELETE FROM members RETURNING *) SELECT count(*) FROM gone": "delete-all",
    "WITH old AS (SELECT id FROM x WHERE y) DELETE FROM members": "delete-all",
    "WITH old AS (SELECT id FROM x) DELETE FROM members m USING old WHERE m.id = old.id": "statement",
    "UPDATE members SET fee = 0": "update-all",
    "UPDATE members SET fee = 0 WHERE id = 4": "statement",
    "UPDATE members SET note = 'where'": "update-all",
    "INSERT INTO members VALUES (1) ON CONFLICT (id) DO UPDATE SET id = 2": "statement",
    "SELECT * FROM members FOR UPDATE": "statement",
    "CREATE ROLE clerk LOGIN": "role-changed",
    "ALTER USER clerk SUPERUSER": "role-changed",
    "GRANT ALL ON members TO clerk": "role-changed",
    "REVOKE ALL ON members FROM clerk": "role-changed",
    "ALTER TABLE members OWNER TO clerk": "role-changed",
    "ALTER SYSTEM SET log_statement = 'none'": "settings-changed",
    "ALTER ROLE clerk SET work_mem = '1GB'": "settings-changed",
    "ALTER DATABASE club SET log_statement = 'none'": "settings-changed",
    "SELECT pg_reload_conf()": "config-reload",
    "CREATE TABLE members (id int)": "ddl",
    "CREATE TEMP TABLE t (id int)": "statement",
    "CREATE USER MAPPING FOR clerk SERVER s OPTIONS (user 'x', password 'y')": "ddl",
    "COMMENT ON TABLE members IS 'x'": "ddl",
    "COPY members TO STDOUT": "copy-out",
    "COPY (SELECT * FROM members) TO STDOUT WITH CSV": "copy-out",
    "COPY members FROM STDIN": "statement",
    "COPY members TO PROGRAM 'curl https://example.org'": "server-files",
    "COPY members FROM '/etc/passwd'": "server-files",
    "SELECT pg_read_file('/etc/passwd')": "server-files",
    "BEGIN; SELECT 1; DROP TABLE members; COMMIT": "drop",
    "SELECT 'drop table members'": "statement",
    'SELECT ";drop table x"': "statement",
    "SELECT 1 -- ; drop table members": "statement",
    "DO $$ BEGIN EXECUTE 'DROP TABLE members'; END $$": "drop",
    "DO $$ BEGIN PERFORM 1; END $$": "statement",
    "CREATE FUNCTION f() RETURNS void BEGIN ATOMIC DELETE FROM members; END": "ddl",
    "SELECT 'a\\'; DROP TABLE members": "drop",
    "": "statement",
    "((((": "statement",
    ")" * 99 + "(" * 99: "statement",
}


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_logged_statement_tells_the_class(statement: str) -> None:
    assert statement_kind(statement) == STATEMENTS[statement]


def test_a_slow_statement_that_drops_is_a_drop() -> None:
    assert kind("duration: 812.001 ms  execute s1/c2: DROP TABLE members") == "drop"
    assert kind("execute fetch from <unnamed>/C_1: SELECT 1") == "statement"


def test_an_error_says_what_its_statement_attempted() -> None:
    _, reading = told("permission denied for table members", "ERROR", sqlstate="42501", query="TRUNCATE members")
    assert reading.kind == "privilege-denied"
    assert reading.more == {"attempted": "truncate"}
    _, reading = told("deadlock detected", "ERROR", sqlstate="40P01", query="SELECT 1")
    assert reading.more is None


def test_a_block_is_told_by_its_body_each_time() -> None:
    assert statement_kind("DO $$ BEGIN TRUNCATE members; END $$") == "truncate"
    assert statement_kind("DO $$ BEGIN DROP DATABASE club; END $$") == "drop-database"
    assert statement_kind("DO $$ BEGIN NULL; END $$") == "statement"


# Texts of PostgreSQL 15's catalogues, filled in.
TRANSLATED = {
    "Verbindung empfangen: Host=192.0.2.7 Port=5": "connection-received",
    "fahre herunter": "shutdown",
    "Serverprozess (PID 7) wurde von Signal 9 beendet: Killed": "crash",
    "le processus serveur (PID 7) a été arrêté par le signal 9 : Killed": "crash",
    "получен запрос на быстрое выключение": "shutdown",
    "データベースシステムはシャットダウンしました": "shutdown",
    "se recibió petición de apagado rápido": "shutdown",
    "Anweisung: DROP TABLE members": "drop",
    "Dauer: 5.120 ms  Anweisung: SELECT 5": "slow-statement",
    "durée : 5.120 ms, instruction : SELECT 5": "slow-statement",
    "文: TRUNCATE members": "truncate",
    "продолжительность: 5.120 мс, оператор: DROP DATABASE club": "drop-database",
    "执行 s1: DELETE FROM members": "delete-all",
}


@pytest.mark.parametrize("message", TRANSLATED)
def test_a_message_without_a_state_is_told_in_the_servers_other_languages(message: str) -> None:
    assert kind(message, sqlstate="00000") == TRANSLATED[message]


def test_who_has_no_pg_hba_entry_is_told_in_other_languages() -> None:
    message = "kein pg_hba.conf-Eintrag für Host »192.0.2.7«, Benutzer »a«, Datenbank »b«, keine Verschlüsselung"
    assert kind(message, "FATAL", sqlstate="28000") == "no-hba-entry"


def test_a_logged_statement_is_masked_in_other_languages() -> None:
    made, _ = told("Dauer: 5.120 ms  Ausführen s1: SELECT * FROM members WHERE email = 'dana@example.org'")
    assert made.message == "Dauer: 5.120 ms  Ausführen s1: SELECT * FROM members WHERE email = ?"
