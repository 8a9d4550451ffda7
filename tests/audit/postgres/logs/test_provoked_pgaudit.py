"""What the pgAudit extension really writes: Debian's, on Debian's PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from audit.postgres.logs.opening import open_parser
from audit.postgres.logs.reading import Reader
from tests.audit.postgres.logs.conftest import DEBIANS, Writer, writing
from tests.audit.postgres.logs.provoking import PERSON, PREFIX, SECRET, alike
from tests.audit.postgres.logs.reading import records, whole
from tovgov.binaries import binaries

MAJOR = next((one for one in DEBIANS if (binaries(one).parent / "lib" / "pgaudit.so").exists()), 0)
pytestmark = pytest.mark.skipif(not MAJOR, reason="postgresql-15-pgaudit is not on this machine")

SETTINGS = {
    "log_min_messages": "warning",
    "log_line_prefix": PREFIX,
    "shared_preload_libraries": "pgaudit",
    "pgaudit.log": "all, -misc",
    "pgaudit.log_parameter": "on",
    "pgaudit.log_rows": "on",
    "pgaudit.log_relation": "on",
    "pgaudit.role": "auditor",
}
CLASSES = {
    "CREATE TABLE members (id int, email text)": "ddl",
    f"INSERT INTO members VALUES (1, '{PERSON}'), (2, 'x')": "pgaudit",
    f"SELECT 'a \"quoted\",\n comma', * FROM members WHERE email = '{PERSON}'": "pgaudit",
    "UPDATE members SET id = 3": "update-all",
    "DELETE FROM members": "delete-all",
    "TRUNCATE members": "truncate",
    f"CREATE ROLE clerk LOGIN PASSWORD '{SECRET}'": "role-changed",
    "GRANT SELECT ON members TO clerk": "role-changed",
    "COPY members TO STDOUT": "copy-out",
    "DO $$ BEGIN DROP TABLE members; END $$": "drop",
    "CREATE DATABASE gone": "ddl",
    "DROP DATABASE gone": "drop-database",
}


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Writer]:
    """A server that has pgAudit."""
    with writing(tmp_path_factory.mktemp("audited"), MAJOR, SETTINGS) as found:
        found.execute("CREATE EXTENSION pgaudit")
        found.execute("CREATE ROLE auditor")
        found.mark()
        yield found


def run(writer: Writer) -> None:
    with psycopg.connect(**writer.cluster.keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
        for statement in CLASSES:
            if statement.startswith("COPY"):
                with connection.cursor().copy(statement) as copy:  # type: ignore[arg-type]
                    list(copy)
            else:
                connection.execute(statement)  # type: ignore[arg-type]
        connection.execute("CREATE TABLE members (id int, email text)")
        connection.execute("GRANT SELECT ON members TO auditor")
        connection.execute("SELECT id FROM members WHERE email = %s", [PERSON])


def test_records_of_pgaudit_are_of_their_statements_class(audited: Writer) -> None:
    text = audited.written(lambda: run(audited))
    alike(text)
    reader = Reader()
    read = [reader.read(one) for one in records(whole(open_parser(text["csvlog"], format="csvlog"), text["csvlog"]))]
    kinds, fields = {}, []
    for one in read:
        if one.more and "pgaudit" in one.more:
            fields.append(one.more["pgaudit"])
            kinds.setdefault(int(fields[-1]["statement_id"]), one.kind)
    assert [kinds[number] for number in range(1, len(CLASSES) + 1)] == list(CLASSES.values())
    assert {one["audit_type"] for one in fields} == {"SESSION", "OBJECT"}
    (insert,) = (one for one in fields if one["command"] == "INSERT")
    assert insert == {
        "audit_type": "SESSION", "statement_id": "2", "substatement_id": "1", "class": "WRITE", "command": "INSERT",
        "object_type": "TABLE", "object_name": "public.members",
        "statement": "INSERT INTO members VALUES (?, ?), (?, ?)", "parameters": "<none>", "rows": "2",
    }  # fmt: skip
    (dropped,) = (one for one in fields if one["command"] == "DROP TABLE")
    assert (dropped["object_name"], dropped["substatement_id"]) == ("public.members", "2")
    (asked,) = (one for one in fields if one["audit_type"] == "OBJECT")
    assert (asked["statement"], asked["parameters"]) == ("SELECT id FROM members WHERE email = $1", "?")
