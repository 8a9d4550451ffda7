"""Masking on the way in: no secret and no value that was put in comes out; what is no value stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.postgres.logs.literals import without_literals
from audit.postgres.logs.masking import Masking, visible
from audit.postgres.logs.reading import Reading
from audit.postgres.logs.record import LogRecord
from audit.postgres.logs.scrubbing import scrub
from tests.audit.postgres.logs.telling import record, told

KEEP = Masking(keep_all=True)
SECRET = "hUntEr2-zq"


def texts(made: LogRecord, reading: Reading) -> str:
    """All that is kept of a record."""
    return repr(made) + repr(reading)


LITERALS = {
    "SELECT 'a', 5, -1.5e-3": "SELECT ?, ?, -?",
    "SELECT 'it''s', E'it\\'s', N'x', B'01'": "SELECT ?, E?, N?, B?",
    "SELECT \"o'brien\" FROM t1 WHERE x = 'y'": 'SELECT "o\'brien" FROM t1 WHERE x = ?',
    "SELECT $1, $2 FROM a$b WHERE c = $tag$ ' $$ $tag$ AND d": "SELECT $1, $2 FROM a$b WHERE c = ? AND d",
    "SELECT $$ it's $$, 5": "SELECT ?, ?",
    "SELECT 1 -- it's mine\n, 2": "SELECT ? --?\n, ?",
    "SELECT /* it's /* nested */ mine */ 'x'": "SELECT /*?*/ ?",
    "SELECT a-b, a/b, a- -1": "SELECT a-b, a/b, a- -?",
    "SELECT 0x1F, 1_000, .5, 5.": "SELECT ?, ?, .?, ?",
    "SELECT 'open": "SELECT ?",
    "SELECT 'a\\', 'b'": "SELECT ?",
    "SELECT E'a\\\\', 'b', c": "SELECT E?, ?, c",
    "SELECT * WHERE x LIKE'a\\' AND y = 'z'": "SELECT * WHERE x LIKE?",
    "SELECT $$ open 'x'": "SELECT ?",
    "SELECT /* open 'x'": "SELECT /*?",
    'SELECT "open': 'SELECT "open',
    "sélect größe = 'ü'": "sélect größe = ?",
    "": "",
}


@pytest.mark.parametrize("statement", LITERALS)
def test_constants_are_found(statement: str) -> None:
    assert without_literals(statement) == LITERALS[statement]


SQL = st.text(st.sampled_from("abE'\"$\\-/* ;\n59(x,)é"), max_size=40)


@given(SQL)
def test_masking_is_idempotent(text: str) -> None:
    once = without_literals(text)
    assert without_literals(once) == once


@given(SQL)
def test_what_is_no_value_stays_in_order(text: str) -> None:
    rest = text
    for between in without_literals(text).split("?"):
        assert between in rest
        rest = rest[rest.index(between) + len(between) :]


@given(st.text(max_size=60))
def test_any_text_can_be_masked(text: str) -> None:
    for mask in (Masking(), KEEP):
        once, _ = told(f"statement: {text}", mask=mask)
        told(text, "ERROR", mask=mask, sqlstate="23505", detail=text, hint=text, context=text, query=text)
        assert visible(once.message) == once.message
        assert "\0" not in once.message
        once.message.encode()


VALUE = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)


def quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


@given(VALUE, VALUE)
def test_no_constant_comes_out(first: str, second: str) -> None:
    one, two = f"vAlue{first}vAlue", f"vAlue{second}vAlue"
    made, reading = told(
        f"statement: INSERT INTO t VALUES ({quoted(one)}, $x${two.replace('$', '')}$x$, {quoted(two)})"
    )
    assert "vAlue" not in texts(made, reading)


@given(VALUE)
def test_no_value_comes_out_of_a_duplicate_key(value: str) -> None:
    value = f"vAlue{value}vAlue"
    made, reading = told(
        'duplicate key value violates unique constraint "members_email_key"',
        "ERROR",
        sqlstate="23505",
        detail=f"Key (email)=({value}) already exists.",
        query=f"INSERT INTO members (email) VALUES ({quoted(value)})",
        context=f'SQL statement "INSERT INTO members (email) VALUES ({quoted(value)})"\nPL/pgSQL function f()',
    )
    assert "vAlue" not in texts(made, reading)
    assert made.detail == "Key (email)=(?) already exists."


DETAILS = {
    ("23514", "Failing row contains (1, (a), b@example.org)."): "Failing row contains (?).",
    ("23502", "Fehlgeschlagene Zeile enthält (1, null, Bob)."): "Fehlgeschlagene Zeile enthält (?).",
    ("23505", "Schlüssel »(email)=(b@example.org)« existiert bereits."): "Schlüssel »(email)=(?)« existiert bereits.",
    ("23503", 'Key (id)=(7) is not present in table "clubs (old)".'): (
        'Key (id)=(?) is not present in table "clubs (old)".'
    ),
    ("23P01", "Key (r)=([1,5)) conflicts with existing key (r)=([2,3))."): "Key (r)=(?).",
    ("00000", "parameters: $1 = 'it''s', $2 = NULL, $3 = '5'"): "parameters: $1 = ?, $2 = ?, $3 = ?",
    ("22P02", 'Token "bob" is invalid.'): 'Token "?" is invalid.',
    (
        "40P01",
        "Process 7 waits for ShareLock on transaction 8; blocked by process 9.\n"
        "Process 7: UPDATE m SET a = 'x'\nWHERE id = 5\n"
        "Process 9: DELETE FROM m WHERE b = 'y'",
    ): "Process 7 waits for ShareLock on transaction 8; blocked by process 9.\n"
        "Process 7: UPDATE m SET a = ?\nWHERE id = ?\n"
    "Process 9: DELETE FROM m WHERE b = ?",
}  # fmt: skip


@pytest.mark.parametrize(("sqlstate", "detail"), DETAILS)
def test_values_of_a_detail_go(sqlstate: str, detail: str) -> None:
    made, _ = told("something happened", "ERROR", sqlstate=sqlstate, detail=detail)
    assert made.detail == DETAILS[sqlstate, detail]


def test_the_statement_that_crashed_a_server_is_masked() -> None:
    made, reading = told("server process (PID 7) was terminated by signal 9: Killed", sqlstate="00000",
                         detail="Failed process was running: SELECT crash('bob@example.org', 5)")  # fmt: skip
    assert reading.kind == "crash"
    assert made.detail == "Failed process was running: SELECT crash(?, ?)"


MESSAGES = {
    ("22P02", 'invalid input syntax for type integer: "bob"'): 'invalid input syntax for type integer: "?"',
    ("22P02", 'invalid input value for enum "mood": "bob"'): 'invalid input value for enum "mood": "?"',
    ("22P02", "ungültige Eingabesyntax für Typ integer: »bob«"): "ungültige Eingabesyntax für Typ integer: »?«",
    ("42601", "unterminated quoted string at or near \"'my secret\""): 'unterminated quoted string at or near "?"',
    ("42601", 'syntax error at or near "5"'): 'syntax error at or near "?"',
    ("42601", 'syntax error at or near "selec"'): 'syntax error at or near "selec"',
    ("P0001", "member bob@example.org owes 500.00, says 'bob'"): "member ? owes ?, says ?",
    ("42P01", 'relation "members2" does not exist'): 'relation "members2" does not exist',
    ("23505", 'duplicate key value violates unique constraint "a_1"'): (
        'duplicate key value violates unique constraint "a_1"'
    ),
}  # fmt: skip


@pytest.mark.parametrize(("sqlstate", "message"), MESSAGES)
def test_values_of_a_message_go_and_names_stay(sqlstate: str, message: str) -> None:
    made, reading = told(message, "ERROR", sqlstate=sqlstate)
    assert made.message == reading.title == MESSAGES[sqlstate, message]


def test_the_input_of_copy_goes() -> None:
    made, _ = told('invalid input syntax for type integer: "bob"', "ERROR", sqlstate="22P02",
                   context='COPY members, line 3, column id: "bob"')  # fmt: skip
    assert made.context == "COPY members, line 3, column id: ?"


# --- secrets go in any case ------------------------------------------------------------------------------------------

SECRETS = [
    f"ALTER ROLE miriam PASSWORD '{SECRET}'",
    f"alter user miriam  with encrypted\n password\t'{SECRET}' valid until 'infinity'",
    f"CREATE ROLE miriam LOGIN PassWord E'\\'{SECRET}'",
    f"CREATE USER miriam PASSWORD $${SECRET}$$",
    f"CREATE USER miriam PASSWORD /* old: 'x' */ '{SECRET}'",
    f"ALTER ROLE miriam PASSWORD '{SECRET}",
    f"ALTER ROLE miriam PASSWORD {SECRET}",
    f'ALTER ROLE miriam PASSWORD "{SECRET}"',
    f"CREATE USER MAPPING FOR bob SERVER s OPTIONS (user 'bob', password '{SECRET}')",
    f"CREATE USER MAPPING FOR bob SERVER s OPTIONS (user 'bob', pin '{SECRET}')",
    f"ALTER SERVER s OPTIONS (SET key '{SECRET}')",
    f"CREATE SUBSCRIPTION s CONNECTION 'host=db.example.org password={SECRET}' PUBLICATION p",
    f"ALTER SUBSCRIPTION s CONNECTION 'postgresql://bob:{SECRET}@db.example.org/x'",
    f"SELECT dblink_connect('host=x password=''{SECRET}''')",
    f"SET app.jwt_secret = '{SECRET}'",
    f"SET app.api_key TO {SECRET}",
    f"ALTER DATABASE club SET my.access_token = '{SECRET}'",
    f"SELECT set_config('app.password', '{SECRET}', false)",
    f"SELECT pgp_sym_encrypt('x', '{SECRET}')",
    f"SELECT crypt('{SECRET}', gen_salt('bf'))",
    f"ALTER SYSTEM SET primary_conninfo = 'host=x password={SECRET}'",
    f"postgresql://bob:{SECRET}@db.example.org/club",
    f"postgres://bob:{SECRET}@p@ss@db.example.org/club?sslmode=require",
    f"postgresql:///club?user=bob&password={SECRET}",
    f"host=db.example.org password = '{SECRET}'",
    f'could not connect: {{"password": "{SECRET}"}}',
    f"Authorization: Bearer {SECRET}",
    f"authorization: basic {SECRET}",
    f"PGPASSWORD={SECRET} pg_dump",
    f'parameter "app.jwt_secret" changed to "{SECRET}"',
]
BARE = [
    "AKIAIOSFODNN7EXAMPLE",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jVmNHl0w5N",
    "SCRAM-SHA-256$4096:c2FsdA==$U3RvcmVk:U2VydmVy",
    "md5a3556571e93b0d20722ba62be61e8c2d",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----",
]


@pytest.mark.parametrize("mask", [Masking(), KEEP], ids=["masked", "kept"])
@pytest.mark.parametrize("text", SECRETS)
def test_no_secret_comes_out(text: str, mask: Masking) -> None:
    for made in (
        told(f"statement: {text}", mask=mask),
        told(f"duration: 5.1 ms  execute a: {text}", mask=mask),
        told(f'AUDIT: SESSION,1,1,ROLE,ALTER ROLE,,,"{text.replace(chr(34), chr(34) * 2)}",<none>', mask=mask),
        told("something", "ERROR", mask=mask, sqlstate="0A000", query=text, internal_query=text),
        told(text, "ERROR", mask=mask, sqlstate="0A000", detail=text, hint=text, context=text, application=text),
    ):
        assert SECRET not in texts(*made)


@pytest.mark.parametrize("mask", [Masking(), KEEP], ids=["masked", "kept"])
@pytest.mark.parametrize("secret", BARE)
def test_no_bare_secret_comes_out(secret: str, mask: Masking) -> None:
    for made in (
        told(f"statement: SELECT f('{secret}')", mask=mask),
        told(
            f"f said {secret} today", "ERROR", mask=mask, detail=secret, hint=secret, context=secret, application=secret
        ),
    ):
        assert secret[:20] not in texts(*made)
        assert secret[-12:] not in texts(*made)


WORD = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=0, max_size=12)
SPACE = st.sampled_from([" ", "\n", "\t ", "  "])
ROLE = st.sampled_from(["ALTER ROLE", "create user", "Alter User", "CREATE ROLE"])
KEYWORD = st.sampled_from(["PASSWORD", "password", "PassWord", "ENCRYPTED PASSWORD", "unencrypted  password"])


@given(ROLE, SPACE, KEYWORD, SPACE, VALUE, st.booleans())
def test_no_password_comes_out_whatever_it_is(
    role: str, gap: str, word: str, space: str, value: str, keep: bool
) -> None:
    value = f"sEcret{value}sEcret"
    made = told(f"statement: {role} bob{gap}{word}{space}{quoted(value)}", mask=KEEP if keep else Masking())
    assert "sEcret" not in texts(*made)


@given(
    st.sampled_from(["password", "PASSWORD", "sslpassword", "api_key", "token"]),
    WORD,
    st.sampled_from(["=", " = ", ":", "="]),
)
def test_no_pair_of_name_and_secret_comes_out(name: str, word: str, between: str) -> None:
    text = f"could not connect with host=x {name}{between}sEcret{word} now"
    assert "sEcret" not in scrub(text)
    assert scrub(scrub(text)) == scrub(text)
    assert scrub(text).endswith("now")


INNOCENT = [
    "SELECT password FROM users WHERE password = $1",
    'column "password" does not exist',
    'password authentication failed for user "miriam"',
    "connection received: host=192.0.2.7 port=5",
    "ALTER ROLE bob PASSWORD NULL",
    "SELECT * FROM tokens",
    "https://example.org/page",
    "SET search_path TO public",
]


@pytest.mark.parametrize("text", INNOCENT)
def test_what_is_no_secret_stays(text: str) -> None:
    assert scrub(text) == scrub(text, is_statement=True) == text


# --- the source's choice ---------------------------------------------------------------------------------------------


def test_ddl_keeps_its_constants_unless_the_source_wants_otherwise() -> None:
    ddl = "statement: CREATE TABLE t (a varchar(10) DEFAULT 'x')"
    assert told(ddl)[0].message == ddl
    assert (
        told(ddl, mask=Masking(also=frozenset(["ddl"])))[0].message
        == "statement: CREATE TABLE t (a varchar(?) DEFAULT ?)"
    )


def test_a_source_may_keep_the_constants_of_a_class() -> None:
    statement = "statement: SELECT 'x', 5"
    assert told(statement)[0].message == "statement: SELECT ?, ?"
    assert told(statement, mask=Masking(never=frozenset(["statement"])))[0].message == statement
    assert told(statement, mask=KEEP)[0].message == statement


# --- hostile texts ---------------------------------------------------------------------------------------------------


def test_terminal_escapes_and_markup_stay_text() -> None:
    made, reading = told("\x1b[31mred\x1b[0m <script>alert(1)</script>\r\u202e", "ERROR", application="\x1b]0;x\x07",
                         role="a\x1b", database="b\x00", query='SELECT "\x9b"')  # fmt: skip
    assert made.message == "\\x1b[31mred\\x1b[0m <script>alert(1)</script>\\x0d\\u202e" == reading.title
    assert (made.application, made.role, made.database) == ("\\x1b]0;x\\x07", "a\\x1b", "b\\x00")
    assert made.query == 'SELECT "\\x9b"'


def test_a_long_text_is_masked_as_a_short_one() -> None:
    made, _ = told("statement: SELECT " + ", ".join(f"'{at}'" for at in range(50_000)))
    assert made.message == "statement: SELECT " + ", ".join("?" * 50_000)


@pytest.mark.parametrize(
    "bad", ["'" * 100_001, '"' * 100_001, "$a" * 50_001, "/*" * 50_001, "(" * 50_001, "\\'" * 50_001, "-" * 50_001]
)
def test_no_text_takes_forever(bad: str) -> None:
    told(f"statement: {bad}")
    told(bad, "ERROR", sqlstate="23505", detail=bad, context=bad, hint=bad, query=bad)


def test_pgaudit_fields_are_parsed_and_masked() -> None:
    made, reading = told(
        'AUDIT: OBJECT,3,1,WRITE,INSERT,TABLE,public.m,"insert into m values (\'it\'\'s\', ""A"")","bob,5"'
    )
    assert reading.kind == "pgaudit"
    assert reading.more
    assert reading.more["pgaudit"] == {
        "audit_type": "OBJECT", "statement_id": "3", "substatement_id": "1", "class": "WRITE", "command": "INSERT",
        "object_type": "TABLE", "object_name": "public.m", "statement": 'insert into m values (?, "A")',
        "parameters": "?",
    }  # fmt: skip
    assert made.message == 'AUDIT: OBJECT,3,1,WRITE,INSERT,TABLE,public.m,"insert into m values (?, ""A"")",?'
    _, reading = told('AUDIT: SESSION,1,1,DDL,DROP TABLE,TABLE,public.x,"drop table x",<none>')
    assert reading.kind == "drop"


def test_the_servers_own_genitive_opens_no_string() -> None:
    detail = "The slot's restart_lsn 0/16C2D50 exceeds the limit by 60019376 bytes."
    made, _ = told('invalidating obsolete replication slot "standby"', detail=detail)
    assert made.detail == detail
    made, _ = told(
        'invalidating obsolete replication slot "standby"', detail=f"The slot's {SECRET!r} is 'the dog''s x'"
    )
    assert made.detail == "The slot's ? is ?"


def test_a_broken_pgaudit_record_is_still_masked() -> None:
    made, reading = told(f"AUDIT: SESSION,1,\"select '{SECRET}")
    assert reading.kind == "pgaudit"
    assert SECRET not in texts(made, reading)


def test_a_record_is_masked_in_place() -> None:
    made = record("statement: SELECT 5")
    from audit.postgres.logs.reading import read

    assert read(made).title == made.message == "statement: SELECT ?"


AT_RAISE = ("PL/pgSQL function enrol(text) line 3 at RAISE\nSQL statement …", "PL/pgSQL-Funktion f Zeile 1 bei RAISE")


@pytest.mark.parametrize("context", AT_RAISE)
@pytest.mark.parametrize("level", ["ERROR", "WARNING", "NOTICE", "LOG"])
def test_what_a_function_says_is_masked_without_a_state_too(context: str, level: str) -> None:
    made, reading = told("no such member: dana@example.org 4711", level, context=context)
    assert made.message == "no such member: ? ?"
    assert (reading.kind == "raised") is (level == "ERROR")


def test_tovgovs_refusal_keeps_its_names_without_a_state() -> None:
    message = "tovgov refused: DROP TABLE of public.members 5"
    made, reading = told(message, "ERROR", context=AT_RAISE[0])
    assert (made.message, reading.kind) == (message, "guard-refused")
