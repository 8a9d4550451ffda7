"""Roles and rights, read from a real server, and what the access review says of them."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.utils import timezone

from audit import targets
from audit.actors import Actor
from audit.exceptions import NotPermitted
from audit.models import Environment, LedgerEntry, Purpose, Target, TargetAccess
from audit.postgres.access import read_access
from audit.reports import access, known
from audit.reports import scope as scopes
from tests.cast import Cast
from tests.conftest import MakeDatabase, MakeRole
from tovgov.embedded import Cluster

pytestmark = pytest.mark.django_db(transaction=True)


def test_roles_rights_and_memberships_are_read(
    any_cluster: Cluster, make_database: MakeDatabase, roles: MakeRole
) -> None:
    clerk = roles(any_cluster, "CREATEDB").user
    boss = roles(any_cluster, "SUPERUSER").user
    info = make_database(any_cluster)
    with psycopg.connect(**info.keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
        connection.execute('CREATE TABLE "Odd ""Name" (id int, secret text)')
        connection.execute(f'GRANT SELECT, DELETE ON "Odd ""Name" TO {clerk} WITH GRANT OPTION')
        connection.execute(f'GRANT UPDATE (secret) ON "Odd ""Name" TO {clerk}')
        connection.execute(f"GRANT pg_read_all_data TO {clerk}")
        connection.execute("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'")
        connection.execute("CREATE FUNCTION g() RETURNS int LANGUAGE sql AS 'SELECT 1'")
        connection.execute("REVOKE EXECUTE ON FUNCTION g() FROM PUBLIC")
        found = read_access(connection)
    by_name = {role["role"]: role for role in found.roles}
    assert by_name[clerk]["attributes"] == ["CREATEDB", "LOGIN"]
    assert by_name[clerk]["member_of"] == ["pg_read_all_data"]
    assert by_name[boss]["superuser"]
    assert not any(name.startswith("pg_") for name in by_name)
    rights = {(one["role"], one["type"], one["object"]): one["rights"] for one in found.grants}
    assert rights[clerk, "table", 'public.Odd "Name'] == "DELETE (grantable), SELECT (grantable)"
    assert rights[clerk, "column", 'public.Odd "Name.secret'] == "UPDATE"
    assert rights["postgres", "table", 'public.Odd "Name'].startswith("OWNER, DELETE")
    assert ("postgres", "routine", "public.g()") in rights
    assert ("PUBLIC", "routine", "public.g()") not in rights
    assert "CONNECT" in rights["PUBLIC", "database", info.database]
    assert found.left_out == ["1 routines that everybody may execute are not listed."]


@pytest.fixture
def target(cluster: Cluster, make_database: MakeDatabase, manager: Actor) -> Target:
    info = make_database(cluster)
    operate = {Purpose.OPERATE: (info.user, info.password)}
    return targets.register(
        "Club", actor=manager, environment=Environment.DEVELOPMENT, host=info.host, port=info.port,
        database=info.database, credentials=operate,
    )  # fmt: skip


def rows(query: str = "") -> list[dict[str, Any]]:
    scope = scopes.read(known.find("access-targets"), query)
    return list(scope.report.rows(scope).each(scope.sort))


def gaps() -> str:
    scope = scopes.read(known.find("access-targets"), "")
    return " ".join(scope.report.gaps(scope))


def test_a_worker_reads_each_target_once_a_day(target: Target) -> None:
    assert "Club: its roles and rights were never read." in gaps()
    access.watch()
    row = TargetAccess.objects.get()
    assert row.read_at is not None
    assert "Club" not in gaps()
    access.watch()
    assert TargetAccess.objects.get().tried_at == row.tried_at
    found = rows("superuser=yes&kind=role&role=postgres")
    assert [(one["target"], one["role"]) for one in found] == [("Club", "postgres")]
    assert "SUPERUSER" in found[0]["rights"]
    assert {one["object"] for one in rows("kind=grant&object=public")} >= {"public"}


def test_what_was_read_stays_when_the_target_is_gone(target: Target) -> None:
    access.watch()
    Target.objects.update(port=1, host="127.0.0.1")
    TargetAccess.objects.update(tried_at=timezone.now() - timedelta(days=2), read_at=timezone.now() - timedelta(days=2))
    access.watch()
    row = TargetAccess.objects.get()
    assert row.error_code
    assert row.roles
    assert rows("kind=role")
    assert "the last reading failed" in gaps()
    assert "what changed since is not known" in gaps()


def test_a_person_reads_it_now_and_the_ledger_says_so(target: Target, auditor: Actor, asker: Actor) -> None:
    access.read(target, actor=auditor)
    assert LedgerEntry.objects.get(action="access.read").actor == "charlie"
    with pytest.raises(NotPermitted):
        access.read(target, actor=asker)


def test_the_command_lists_makes_and_reads(
    target: Target, cast: Cast, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    call_command("reports", "list", "--as", "charlie", "--json")
    assert {one["name"] for one in json.loads(capsys.readouterr().out)} == set(known.every())
    call_command("reports", "read-access", "Club", "--as", "charlie")
    assert "roles" in capsys.readouterr().out
    for kind, start in (("pdf", b"%PDF-"), ("md", b"#"), ("csv", b"# Report:"), ("json", b"{"), ("xlsx", b"PK")):
        file = tmp_path / f"access.{kind}"
        call_command(
            "reports", "make", "access-targets", "--where", "target=Club", "--format", kind, "--to", str(file),
            "--as", "charlie", "--json",
        )  # fmt: skip
        facts = json.loads(capsys.readouterr().out)
        data = file.read_bytes()
        assert data.startswith(start), kind
        assert facts["sha256"] == hashlib.sha256(data).hexdigest()
        assert facts["rows"] >= 3
    call_command("reports", "schedules", "--as", "charlie", "--json")
    assert json.loads(capsys.readouterr().out) == []


def test_the_command_refuses_in_words(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    for words, status in (
        (["make", "salaries"], 2),
        (["make", "deletes", "--where", "from=2026-03-31&to=2026-03-01"], 2),
        (["make", "deletes", "--where", "target=nowhere"], 2),
        (["make", "deletes", "--as", "bob"], 3),
    ):
        with pytest.raises(SystemExit) as ended:
            call_command("reports", *words, *([] if "--as" in words else ["--as", "charlie"]))
        assert ended.value.code == status, words
        assert "report." in (told := capsys.readouterr().err) or "actor." in told
