"""Whole databases of strange names and of strangers: backed up, dropped, recovered, replaced; every hash is equal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from audit import targets
from audit.models import Target
from audit.postgres import rows
from audit.postgres.catalog import owner_lines, schema_lines
from audit.postgres.connect import ConnInfo, connect
from backups.models import Destination
from backups.restore.request import request
from backups.restore.undo import redo, undo
from backups.tools.finding import find_tool
from tests.backups.house import back_up, databases, register
from tests.backups.restore.conftest import perform
from tests.backups.tools.conftest import fill_world
from tests.cast import Cast
from tests.conftest import MakeDatabase, drop_database
from tovgov.embedded import Cluster

pytestmark = pytest.mark.django_db(transaction=True)
SAMPLES = Path(__file__).parents[4] / "shared" / "data"
NASTY = [
    'quo"te; DROP DATABASE postgres; --',
    "apo'strophe \\ %s {0}",
    " leading and trailing ",
    "😀 ключ 試し",
    "x" * 63,
    "ä" * 31,
    "UPPER lower",
    "-Fc --file=/tmp/x",
    "host=example.org dbname=y",
    "postgresql://example.org/y",
]


def content(info: ConnInfo) -> tuple[object, ...]:
    """Everything that must be equal: rows, hashes, sequences, schema, owners."""
    with connect(info, read_only=True) as conn:
        return rows.states_now(info), rows.sequences(conn), schema_lines(conn), owner_lines(conn)


def recovered(target: Target, cluster: Cluster, cast: Cast) -> None:
    """Back up, drop, recover, compare; then replace, undo and redo, compare again."""
    info, alice = cluster.conninfo(target.database), cast.actor("alice")
    before = content(info)
    backup = back_up(target)
    assert backup.state == "succeeded", backup.error
    drop_database(cluster, target.database)
    restore = perform(request(backup, target, actor=alice, mode="recover", reason="gone"))
    assert restore.state == "succeeded", f"{restore.error} {restore.log}"
    assert content(info) == before
    restore = perform(request(backup, target, actor=alice, mode="replace", reason="to try"))
    assert restore.state == "succeeded", f"{restore.error} {restore.log}"
    undo(restore, actor=alice, reason="to try")
    redo(restore, actor=alice, reason="to try")
    assert content(info) == before
    assert targets.check(Target.objects.get(), actor=alice) is None
    drop_database(cluster, Target.objects.get().restores.exclude(kept_database="").get().kept_database)


@pytest.mark.parametrize("name", NASTY)
def test_names_that_break_things(
    name: str, cluster: Cluster, make_database: MakeDatabase, shelf: Destination, cast: Cast
) -> None:
    info = make_database(cluster, name)
    fill_world(info)
    recovered(register(info), cluster, cast)


def test_on_every_server_of_this_machine(
    any_cluster: Cluster, make_database: MakeDatabase, shelf: Destination, cast: Cast
) -> None:
    info = make_database(any_cluster)
    fill_world(info)
    recovered(register(info), any_cluster, cast)


def test_an_empty_database(cluster: Cluster, make_database: MakeDatabase, shelf: Destination, cast: Cast) -> None:
    recovered(register(make_database(cluster)), cluster, cast)


@pytest.mark.slow
def test_a_database_with_a_thousand_tables(
    cluster: Cluster, make_database: MakeDatabase, shelf: Destination, cast: Cast
) -> None:
    info = make_database(cluster)
    with psycopg.connect(**info.keywords(), autocommit=True) as conn:  # type: ignore[arg-type]
        conn.execute("DO $$BEGIN FOR n IN 1..1000 LOOP EXECUTE format('CREATE TABLE t%s AS SELECT %s AS n', n, n);"
                     " END LOOP; END$$")  # fmt: skip
    recovered(register(info), cluster, cast)


@pytest.mark.parametrize("sample", ["chinook", "pagila"])
@pytest.mark.parametrize("cluster", [16, 18], indirect=True)
def test_the_sample_archives(
    sample: str, cluster: Cluster, make_database: MakeDatabase, shelf: Destination, cast: Cast, load: Load
) -> None:
    info = make_database(cluster, sample.capitalize())
    load(info, SAMPLES / f"{sample}.dump")
    recovered(register(info), cluster, cast)
    assert databases(info) == {info.database}


Load = Callable[[ConnInfo, Path], None]


@pytest.fixture
def load() -> Load:
    """Load a sample archive with pg_restore, as anybody would."""
    import subprocess

    def act(info: ConnInfo, archive: Path) -> None:
        if not archive.exists():
            pytest.skip(f"only with the sample archives in {SAMPLES}")
        with connect(info) as conn, info.client_environment() as environment:
            tool = find_tool("pg_restore", max(conn.info.server_version, 180000))
            words = [str(tool.path), "--no-owner", "--no-privileges", "-d", info.database, str(archive)]
            subprocess.run(words, env=environment, check=False, capture_output=True)
            counted = conn.execute(sql.SQL("SELECT count(*) FROM pg_catalog.pg_class WHERE relkind = 'r'")).fetchone()
            assert counted is not None
            assert counted[0] > 75, "the system's own tables and those of the sample"

    return act
