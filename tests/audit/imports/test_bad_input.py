"""What strange databases hold: every text comes as it was written, or a sentence says why it does not."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.core.management import call_command

from audit import jobs, tasks
from audit.actors import Actor
from audit.imports import deletions, log
from audit.imports.keys import key_of
from audit.models import AuditImport, DeleteAuditLog, ImportSource, JobState, ProtectionPolicy, Target
from audit.postgres.connect import ConnInfo, connect
from audit.protection import policies
from tests.audit.imports.conftest import captured, execute, imported, make_shop, registered, run_import, stored
from tests.audit.protection.steps import install
from tests.cast import Cast
from tests.conftest import MakeDatabase, run
from tovgov.embedded import Cluster

pytestmark = pytest.mark.django_db(transaction=True)
STRANGE = r"""
CREATE SCHEMA "Näh ""Schema";
CREATE TYPE "Näh ""Schema".pair AS (a int, b text[]);
CREATE DOMAIN "Näh ""Schema".word AS text CHECK (VALUE <> '');
CREATE TABLE "Näh ""Schema"."Tab\le" (
    "Ke""y" text, "Zwei" int, doc json, docb jsonb, ratio float8, small float4, price numeric,
    pairs "Näh ""Schema".pair[], raw bytea, at timestamptz, days daterange, span interval,
    word "Näh ""Schema".word,
    tags hstoreless, made int
        GENERATED ALWAYS AS ("Zwei" * 2) STORED, PRIMARY KEY ("Ke""y", "Zwei"));
INSERT INTO "Näh ""Schema"."Tab\le" VALUES
    (E'tab\tnew\nline \\ back', 1, '{"a":1,   "a":2, "z":"\u0000"}', '{"a": [1, null]}', 'NaN', 'Infinity', 'NaN',
     ARRAY[ROW(1, ARRAY['x', NULL, '"'])::"Näh ""Schema".pair, NULL], '\x00ff5c', 'infinity', '[2026-01-01,)',
     '1 year -2 days', 'wört', '{{1,2},{3,4}}'),
    ('', 2, 'null', NULL, '-Infinity', '1.17549435e-38', '1e400', '{}', '\x', '-infinity', 'empty', '0', '🦆', NULL),
    ('plain', 3, '"text"', '1.50', 0.1, 0.1, 1.500, NULL, NULL, '2026-03-29 02:30+01', NULL, NULL, NULL, '{}');
""".replace("tags hstoreless", "tags int[]")


def test_every_value_comes_as_it_was_written(any_cluster: Cluster, make_database: MakeDatabase, cast: Cast) -> None:
    info = make_shop(make_database(any_cluster), STRANGE)
    target = registered(info)
    execute(info, r'DELETE FROM "Näh ""Schema"."Tab\le"')
    imported(target)
    assert stored(target) == captured(info)
    rows = DeleteAuditLog.objects.filter(target=target).order_by("position")
    assert rows[0].table_schema == 'Näh "Schema'
    assert rows[0].table_name == "Tab\\le"
    assert '{"a":1,   "a":2, "z":"\\u0000"}' in rows[0].row
    assert '"ratio":"NaN","small":"Infinity","price":"NaN"' in rows[0].row
    assert json.loads(rows[0].key) == {'Ke"y': "tab\tnew\nline \\ back", "Zwei": 1}
    assert json.loads(rows[1].key) == {'Ke"y': "", "Zwei": 2}
    assert '"price":1.500' in rows[2].row


def test_the_targets_own_view_can_be_read_whole(cluster: Cluster, make_database: MakeDatabase) -> None:
    info = make_shop(make_database(cluster), STRANGE)
    execute(info, r'DELETE FROM "Näh ""Schema"."Tab\le"')
    with connect(info) as connection:
        rows = connection.execute('SELECT key FROM tovgov."DeleteAuditLog" ORDER BY position').fetchall()
    assert [row[0] is None for row in rows] == [True, False, False]


DEEP = '{"a":' + "[" * 5000 + '"]}"' + "]" * 5000 + ', "k" : -1.50 ,"ü\\"":"x,\\"}"}'


@pytest.mark.parametrize(
    ("text", "columns", "key"),
    [
        ('{"a":1,"b":"\\u0000"}', ["a"], '{"a":1}'),
        ('{"a":1,"b":"\\ud800"}', ["b"], '{"b":"\\ud800"}'),
        ('{"b":{"a":7},"a":"}{"}', ["a"], '{"a":"}{"}'),
        ('{"a":1}', [], ""),
        ('{"a":1}', ["gone"], ""),
        ("{}", ["a"], ""),
        (DEEP, ["k"], '{"k":-1.50}'),
        (DEEP, ['ü"', "k"], '{"ü\\"":"x,\\"}","k":-1.50}'),
        ('{ "a" : {"x" : [1, {"y":2}]} , "b":null }', ["b", "a"], '{"b":null,"a":{"x" : [1, {"y":2}]}}'),
    ],
)
def test_a_key_is_found_by_its_text(text: str, columns: list[str], key: str) -> None:
    assert key_of(text, columns) == key


def test_sixteen_hundred_columns(cluster: Cluster, make_database: MakeDatabase, cast: Cast) -> None:
    columns = ", ".join(f"c{number} int DEFAULT {number}" for number in range(1600))
    schema = f"CREATE TABLE public.wide ({columns}); INSERT INTO public.wide DEFAULT VALUES;"
    info = make_shop(make_database(cluster), schema)
    target = registered(info)
    execute(info, "DELETE FROM public.wide")
    imported(target)
    assert stored(target) == captured(info)
    assert len(json.loads(DeleteAuditLog.objects.get().row)) == 1600


def test_a_value_of_fifty_megabytes(cluster: Cluster, make_database: MakeDatabase, cast: Cast) -> None:
    schema = "CREATE TABLE public.big (id int PRIMARY KEY, raw bytea); INSERT INTO public.big"
    schema += " SELECT 1, decode(repeat(md5('x'), 50 * 1024 * 1024 / 16), 'hex')"
    info = make_shop(make_database(cluster), schema)
    target = registered(info)
    execute(info, "DELETE FROM public.big")
    imported(target)
    row = DeleteAuditLog.objects.get()
    with connect(info) as connection:
        there = connection.execute('SELECT md5(row::text), length(row::text) FROM tovgov."DeleteAuditLog"').fetchone()
        here = connection.execute("SELECT md5(%s::text)", [row.row]).fetchone()
    assert there is not None
    assert here is not None
    assert (there[0], there[1]) == (here[0], len(row.row))
    assert len(row.row) > 100 * 1024 * 1024
    assert row.key == '{"id":1}'


def test_a_masked_value_never_comes(cluster: Cluster, make_database: MakeDatabase, cast: Cast) -> None:
    info = make_database(cluster)
    with connect(info) as connection:
        connection.execute("CREATE TABLE public.person (id int PRIMARY KEY, name text, secret text)")
        connection.execute("INSERT INTO public.person VALUES (1, 'Noa', 'hush')")
    rules = policies.complete([{"rule": "delete_audit", "settings": {"masked": {"public.person": ["secret"]}}}])
    install(info, ProtectionPolicy(name="made up", version=1, rules=rules))
    target = registered(info)
    execute(info, "DELETE FROM public.person")
    imported(target)
    row = DeleteAuditLog.objects.get()
    assert row.masked == ["secret"]
    assert json.loads(row.row) == {"id": 1, "name": "Noa"}


def test_bytes_that_are_no_text_are_told(cluster: Cluster, make_database: MakeDatabase, cast: Cast) -> None:
    """A database without an encoding may hold anything; nothing is lost, and somebody must look."""
    name = make_database(cluster).database + "_ascii"
    words = "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    run(cluster.conninfo(), f'CREATE DATABASE "{name}" {words}')
    try:
        schema = "CREATE TABLE public.word (w text); INSERT INTO public.word VALUES (E'caf\\xe9')"
        info = make_shop(cluster.conninfo(name), schema)
        target = registered(info)
        execute(info, "DELETE FROM public.word")
        done = run_import(target)
        assert done.error_code == "imports.log_unreadable", done.error
        assert ImportSource.objects.get().position["record"] == 0
        assert DeleteAuditLog.objects.count() == 0
    finally:
        run(cluster.conninfo(), f'DROP DATABASE "{name}" WITH (FORCE)')


def test_a_table_that_is_replaced_while_it_is_read(
    target: Target, info: ConnInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(info, "DELETE FROM shop.keyless")
    real, done = log.rows, []

    def replaced(connection: psycopg.Connection, of: Any) -> Any:
        if not done:
            done.append(True)
            execute(
                info,
                "DROP TABLE shop.keyless",
                "CREATE TABLE shop.keyless (word text, more int)",
                "INSERT INTO shop.keyless VALUES ('new', 1)",
                "DELETE FROM shop.keyless",
            )
        return real(connection, of)

    monkeypatch.setattr(log, "rows", replaced)
    imported(target)
    imported(target)
    assert stored(target) == captured(info)
    assert DeleteAuditLog.objects.values("table_oid").distinct().count() == 2


def test_a_cancelled_import_keeps_what_it_stored_and_the_next_goes_on(
    target: Target, info: ConnInfo, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "CHUNK_ROWS", 700)
    execute(info, "DELETE FROM shop.keyless")
    run = deletions.request(target, actor=Actor.system("tests"))
    real = deletions.chunk

    def cancelled(*args: Any, **options: Any) -> Any:
        brought = real(*args, **options)
        jobs.cancel(AuditImport.objects.get(pk=run.pk), actor=cast.actor("alice"))
        args[2].stop.wait(60)
        return brought

    monkeypatch.setattr(deletions, "chunk", cancelled)
    tasks.run_import(run.pk)
    run.refresh_from_db()
    assert run.state == JobState.CANCELLED
    assert run.rows == 1000
    assert ImportSource.objects.get().error_code == ""
    monkeypatch.setattr(deletions, "chunk", real)
    assert imported(target).rows == 2000
    assert stored(target) == captured(info)
    run.refresh_from_db()
    assert run.sealed_at is not None, "what it had stored is sealed by the next"


def test_the_commands(target: Target, info: ConnInfo, cast: Cast) -> None:
    execute(info, 'DELETE FROM shop."Order" WHERE "Id" = 1')
    out = StringIO()
    call_command("imports", "run", target.name, "--as", "alice", "--reason", "Now.", "--json", stdout=out)
    facts = json.loads(out.getvalue())
    assert (facts["state"], facts["rows"], facts["records"]) == ("succeeded", 3, 2)
    assert len(facts["seal"]) == 64
    out = StringIO()
    call_command("imports", "status", "--json", stdout=out)
    assert json.loads(out.getvalue())[0]["target"] == target.name
    out = StringIO()
    call_command("imports", "status", stdout=out)
    assert "nothing waits" in out.getvalue()
    call_command("imports", "run", target.name, "--as", "alice", "--queue", stdout=StringIO())
    with pytest.raises(SystemExit) as ended:
        call_command("imports", "run", target.name, "--as", "alice", stdout=StringIO(), stderr=StringIO())
    assert ended.value.code == 3
