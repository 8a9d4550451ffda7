"""What ``docs/recovery.md`` promises for the nights that are worse than usual."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from audit import targets
from audit.exceptions import WrongIncarnation, WrongServer
from audit.models import Alert, Approval, Credential, Preflight, Purpose, Target
from backups import catalogue
from backups.models import Backup, BackupCopy, Destination, Level, Restore, Verification
from backups.restore.request import request
from tests.backups import house
from tests.backups.house import TOVGOV
from tests.backups.restore.conftest import Scene, drop_club, perform
from tests.conftest import run
from tests.house.documented import ROOT
from tovgov.demo import accidents
from tovgov.demo.club import BACKUP, DATABASE, OPERATOR, OWNER, WATCHER, Club
from tovgov.demo.data import ROWS
from tovgov.embedded import Cluster

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("club")]
PAGE = (ROOT / "docs" / "recovery.md").read_text()


def test_an_empty_newcomer_is_renamed_and_the_real_one_recovered(scene: Scene) -> None:
    backup, before, facts = scene.back_up(), scene.club.fingerprint(), scene.club.properties()
    accidents.drop_database(scene.club)
    scene.sql(f'CREATE DATABASE "{DATABASE}" OWNER {OWNER}', database="postgres")
    assert isinstance(targets.check(scene.target, actor=TOVGOV), WrongIncarnation)
    with pytest.raises(WrongIncarnation):
        scene.ask(backup)
    assert 'ALTER DATABASE "TovPlay" RENAME TO "TovPlay_newcomer"' in PAGE
    scene.sql('ALTER DATABASE "TovPlay" RENAME TO "TovPlay_newcomer"', database="postgres")
    restore = scene.restore(backup, "recover")
    scene.succeeded(restore)
    assert scene.club.fingerprint() == before
    assert scene.club.properties() == facts
    assert scene.left_over() == {"TovPlay_newcomer"}


def test_a_lost_tovgov_comes_back_from_a_destination_and_recovers(scene: Scene) -> None:
    scene.back_up()
    before, facts = scene.club.fingerprint(), scene.club.properties()
    plain = Destination.objects.get().settings
    for model in (
        Restore,
        Verification,
        BackupCopy,
        Backup,
        Alert,
        Approval,
        Preflight,
        Credential,
        Target,
        Destination,
    ):
        model.objects.all().delete()
    accidents.drop_database(scene.club)

    destination = Destination.objects.create(name="where the backups lie", kind="folder", settings=plain)
    assert len(catalogue.rebuild(destination, actor=TOVGOV).added) == 1
    target, backup = Target.objects.get(), Backup.objects.get()
    assert target.is_identified
    info = scene.club.admin
    targets.update(target, actor=TOVGOV, host=info.host, port=info.port, sslmode="disable", is_active=True)
    for purpose, role in ((Purpose.WATCH, WATCHER), (Purpose.BACKUP, BACKUP), (Purpose.OPERATE, OPERATOR)):
        targets.set_credential(target, purpose, user=role, password=scene.club.passwords[role], actor=TOVGOV)
    target.refresh_from_db()
    restore = perform(request(backup, target, actor=TOVGOV, mode="recover", reason="All was lost."))
    assert (restore.state, restore.error) == ("succeeded", "")
    assert scene.club.fingerprint() == before
    assert scene.club.properties() == facts
    backup.refresh_from_db()
    assert backup.level == Level.PROVED


@pytest.fixture
def new_server(clusters: dict[int, Cluster], scene: Scene) -> Iterator[Club]:
    """Another server with the same roles and an empty database of the same name."""
    club = Club(clusters[18].conninfo(), passwords=scene.club.passwords)
    with psycopg.connect(**clusters[18].keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
        club._make_roles(connection)
    run(clusters[18].conninfo(), sql.SQL("CREATE DATABASE {} OWNER {}").format(*map(sql.Identifier, (DATABASE, OWNER))))
    yield club
    drop_club(clusters[18], club)


def test_on_a_new_server_it_is_a_copy_to_a_new_target(scene: Scene, new_server: Club) -> None:
    backup, before = scene.back_up(), scene.club.fingerprint()
    targets.update(scene.target, actor=TOVGOV, port=new_server.admin.port)
    scene.target.refresh_from_db()
    with pytest.raises(WrongServer):
        scene.ask(backup)
    there = house.register(new_server.admin.to(DATABASE), name="TovPlay, new server")
    restore = perform(
        request(backup, there, actor=TOVGOV, mode="copy", reason="The old server burnt.", with_privileges=True)
    )
    assert (restore.state, restore.error) == ("succeeded", "")
    assert new_server.fingerprint() == before
    assert sum(rows for rows, _ in before.values()) == sum(ROWS.values())
    assert accidents.write_new_rows(new_server) == ROWS["User"]  # the application's rights came along
