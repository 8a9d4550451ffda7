"""Copies to other targets: owners mapped, rights taken along or not, made new or swapped in."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from audit import targets
from audit.models import Environment, Purpose, Target
from audit.postgres.connect import ConnInfo
from backups.exceptions import RolesMissing, ServerTooOld
from backups.models import Backup
from tests.backups.house import give_role
from tests.backups.restore.conftest import Scene
from tests.conftest import MakeRole, drop_database
from tovgov.embedded import Cluster

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("club")]
NAME = "TovPlay copy"


@pytest.fixture
def backup(scene: Scene) -> Backup:
    return scene.back_up()


@pytest.fixture
def scratch(scene: Scene, clusters: dict[int, Cluster]) -> Iterator[Target]:
    """A target on another server, newer than the club's, that has no database yet and none of its roles."""
    cluster = clusters[18]
    yield _target(cluster.conninfo(NAME))
    drop_database(cluster, NAME)


def _target(info: ConnInfo) -> Target:
    target = Target.objects.create(
        name="scratch", environment=Environment.SCRATCH, host=info.host, port=info.port, database=info.database,
        sslmode="disable",
    )  # fmt: skip
    give_role(target, info, Purpose.OPERATE)
    return target


def owners(cluster: Cluster, name: str = NAME) -> dict[str, str]:
    """Owner of each table, view, type and function, and of the database."""
    query = """
        SELECT relname, relowner::regrole::text FROM pg_class WHERE relnamespace = 'public'::regnamespace
        UNION ALL SELECT typname, typowner::regrole::text FROM pg_type WHERE typtype = 'e'
        UNION ALL SELECT proname, proowner::regrole::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        UNION ALL SELECT 'the database', datdba::regrole::text FROM pg_database WHERE datname = current_database()
    """
    with psycopg.connect(**cluster.keywords(name)) as conn:  # type: ignore[arg-type]
        return dict(conn.execute(query).fetchall())


def test_strangers_become_ourselves(
    scene: Scene, backup: Backup, scratch: Target, clusters: dict[int, Cluster]
) -> None:
    """No role of the club exists there: all of it belongs to the operating role, and the log says so."""
    restore = scene.restore(backup, "copy", target=scratch)
    scene.succeeded(restore)
    assert set(owners(clusters[18]).values()) == {"postgres"}
    assert 'What belonged to "tovplay_owner" belongs to "postgres" here.' in restore.log
    scratch.refresh_from_db()
    assert scratch.is_identified
    assert targets.check(scratch, actor=scene.cast.actor("alice")) is None
    assert (restore.kept_database, restore.safety_backup) == ("", None)
    with psycopg.connect(**clusters[18].keywords(NAME)) as conn:  # type: ignore[arg-type]
        assert conn.execute('SELECT count(*) FROM "User"').fetchone() == (23,)
        assert conn.execute("SELECT datacl::text FROM pg_database WHERE datname = %s", [NAME]).fetchone() == (
            "{=Tc/postgres,postgres=CTc/postgres}",
        )


def test_owners_are_mapped(
    scene: Scene, backup: Backup, scratch: Target, roles: MakeRole, clusters: dict[int, Cluster]
) -> None:
    cluster = clusters[18]
    tester = roles(cluster).user
    restore = scene.restore(backup, "copy", target=scratch, owner_map={"tovplay_owner": tester})
    scene.succeeded(restore)
    assert set(owners(cluster).values()) == {tester}
    drop_database(cluster, NAME)


def test_event_triggers_write_nothing_after_the_proof(
    scene: Scene, scratch: Target, roles: MakeRole, clusters: dict[int, Cluster]
) -> None:
    """The backed up database logs every change of its schema; giving objects their owners there is no such change."""
    scene.sql(
        "CREATE TABLE changes (tag text)",
        "CREATE FUNCTION log_it() RETURNS event_trigger LANGUAGE plpgsql AS"
        " $$BEGIN INSERT INTO public.changes VALUES (tg_tag); END$$",
        "CREATE EVENT TRIGGER log_it ON ddl_command_end EXECUTE FUNCTION log_it()",
    )
    tester = roles(clusters[18]).user
    restore = scene.restore(scene.back_up(), "copy", target=scratch, owner_map={"tovplay_owner": tester})
    scene.succeeded(restore)
    with psycopg.connect(**clusters[18].keywords(NAME)) as conn:  # type: ignore[arg-type]
        assert conn.execute("SELECT count(*) FROM changes").fetchone() == (0,)
    drop_database(clusters[18], NAME)


def test_a_map_to_a_role_that_is_not_there_is_refused(scene: Scene, backup: Backup, scratch: Target) -> None:
    restore = scene.restore(backup, "copy", target=scratch, owner_map={"tovplay_owner": "nobody here"})
    assert (restore.state, restore.error_code) == ("failed", RolesMissing.code)
    assert "nobody here" in restore.error


def test_privileges_need_their_roles(
    scene: Scene, backup: Backup, scratch: Target, roles: MakeRole, clusters: dict[int, Cluster]
) -> None:
    cluster = clusters[18]
    restore = scene.restore(backup, "copy", target=scratch, with_privileges=True)
    assert (restore.state, restore.error_code) == ("failed", RolesMissing.code)
    for name in scene.club.passwords:
        roles(cluster, name=name)
    restore = scene.restore(backup, "copy", target=scratch, with_privileges=True)
    scene.succeeded(restore)
    with psycopg.connect(**cluster.keywords(NAME)) as conn:  # type: ignore[arg-type]
        row = conn.execute("""SELECT has_table_privilege('tovplay_app', '"User"', 'INSERT'),
                                     has_database_privilege('tovplay_app', current_database(), 'CONNECT')""").fetchone()
    assert row == (True, True)
    assert owners(cluster)["User"] == "tovplay_owner"
    drop_database(cluster, NAME)


@pytest.mark.parametrize("cluster", [18], indirect=True)
def test_a_newer_backup_into_an_older_server_is_refused(
    scene: Scene, backup: Backup, clusters: dict[int, Cluster]
) -> None:
    older = _target(clusters[16].conninfo(NAME))
    with pytest.raises(ServerTooOld, match="PostgreSQL 18; this server is PostgreSQL 16"):
        scene.ask(backup, "copy", target=older)
