"""The roles that ``docs/targets.md`` recommends do all they are for, and are no superusers."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from audit import preflight, targets
from audit.models import Environment, Purpose
from audit.postgres.connect import ConnInfo
from backups.models import Level
from tests.backups.house import TOVGOV, back_up, folder, verified
from tests.conftest import MakeDatabase, MakeRole, run
from tests.house.documented import ROOT
from tovgov.embedded import Cluster

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("keys")]
PAGE = (ROOT / "docs" / "targets.md").read_text()
ROLES = {"tovgov_watch": Purpose.WATCH, "tovgov_backup": Purpose.BACKUP, "tovgov_operate": Purpose.OPERATE}


def documented(heading: str) -> str:
    """The SQL under a heading of the page."""
    found = re.search(rf"^### {re.escape(heading)}\n.*?^```sql\n(.*?)^```", PAGE, flags=re.M | re.S)
    assert found, f"docs/targets.md has no SQL under {heading}"
    return found[1]


@pytest.fixture
def made(cluster: Cluster) -> Iterator[list[str]]:
    """Names of roles that go away again."""
    names: list[str] = []
    yield names
    for name in names:
        role = sql.Identifier(name)
        run(cluster.conninfo(), sql.SQL("DROP OWNED BY {}").format(role), sql.SQL("DROP ROLE {}").format(role))


@pytest.mark.parametrize(
    ("heading", "cluster"),
    [("PostgreSQL 13", 15), *(("PostgreSQL 14 and later", major) for major in (15, 16, 18))],
    indirect=["cluster"],
)
def test_they_pass_every_check_back_up_and_prove(
    cluster: Cluster, made: list[str], make_database: MakeDatabase, roles: MakeRole, tmp_path: Path, heading: str
) -> None:
    owner = roles(cluster)
    info = make_database(cluster, owner=owner.user)
    fill(info, owner)
    names, password = {name: f"{name}_{secrets.token_hex(3)}" for name in ROLES}, secrets.token_urlsafe(12)
    script = documented(heading).replace("tovplay_owner", owner.user)
    for name, unique in names.items():
        script = script.replace(name, unique)
    run(info, re.sub(r"PASSWORD '[^']*'", f"PASSWORD '{password}'", script))
    made += names.values()
    target = targets.register(
        "TovPlay",
        actor=TOVGOV,
        credentials={purpose: (names[name], password) for name, purpose in ROLES.items()},
        sentinels=[("public", "User", 2)],
        **facts(info),
    )
    result = preflight.test_connection(target, actor=TOVGOV)
    assert [line for line in result.lines if line["status"] == "FAIL"] == []
    folder(tmp_path / "copies")
    backup = back_up(target)
    assert (backup.state, backup.error) == ("succeeded", "")
    verification = verified(backup)
    assert (verification.error, backup.level) == ("", Level.PROVED)
    assert not superusers(cluster, list(names.values()))
    run(info, sql.SQL("DROP OWNED BY {}").format(sql.SQL(", ").join(map(sql.Identifier, names.values()))))


def facts(info: ConnInfo) -> dict[str, Any]:
    return {
        "environment": Environment.STAGING,
        "host": info.host,
        "port": info.port,
        "database": info.database,
        "sslmode": "disable",
    }


def fill(info: ConnInfo, owner: ConnInfo) -> None:
    """A table with row security and a sequence, of the owner's."""
    run(
        info,
        sql.SQL("GRANT ALL ON SCHEMA public TO {}").format(sql.Identifier(owner.user)),
        sql.SQL("SET ROLE {}").format(sql.Identifier(owner.user)),
        'CREATE TABLE "User" (id serial PRIMARY KEY, name text)',
        "INSERT INTO \"User\" (name) VALUES ('Ada'), ('Grace')",
        'CREATE TABLE "Secret" (id int)',
        'ALTER TABLE "Secret" ENABLE ROW LEVEL SECURITY',
        'INSERT INTO "Secret" VALUES (1)',
    )


def superusers(cluster: Cluster, names: list[str]) -> list[str]:
    with psycopg.connect(**cluster.keywords()) as connection:  # type: ignore[arg-type]
        rows = connection.execute("SELECT rolname FROM pg_roles WHERE rolsuper AND rolname = ANY(%s)", [names])
        return [row[0] for row in rows]
