"""What restores, proofs and backups really write into a server's log: nothing of it waits for a person; the same by
somebody else does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from audit.actors import Actor
from audit.anomalies import run as anomalies
from audit.imports.server_logs import setup
from audit.models import AlertEvidence, ServerLogGroup
from audit.postgres.logs.own import mark
from backups import tasks, verify
from backups.models import Destination, Level
from backups.restore import undo
from tests.audit.imports.server_logs.conftest import imported
from tests.backups.restore.conftest import Scene, register
from tests.cast import Cast
from tests.logging_server import as_tovgov, logging_server, loud_of_ours, ours_logged
from tovgov.demo.club import OPERATOR, Club
from tovgov.embedded import Cluster

pytestmark = pytest.mark.django_db(transaction=True)
WHY = "It was asked for."


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Cluster]:
    with logging_server(tmp_path / "data") as made:
        yield made


@pytest.fixture
def scene(server: Cluster, shelf: Destination, cast: Cast, tmp_path: Path) -> Scene:
    club = Club(server.conninfo())
    club.create()
    return Scene(server, club, register(club), tmp_path, cast)


def test_restores_and_what_follows_them_alarm_nobody(scene: Scene, server: Cluster, manager: Actor) -> None:
    source = setup.add(scene.target, "folder", settings={"folder": str(server.folder / "log")}, actor=manager)
    live = scene.club.database
    backup = scene.back_up()
    verification = verify.request(backup, Level.PROVED, actor=manager)
    tasks.run_verification(verification.pk)

    scene.sql('DELETE FROM "UserSession"')
    scene.succeeded(scene.restore(backup, mode="merge", dry_run=True))
    scene.succeeded(scene.restore(backup, mode="merge"))
    replaced = scene.restore(backup)
    scene.succeeded(replaced)
    undo.undo(replaced, actor=manager, reason=WHY)
    undo.redo(replaced, actor=manager, reason=WHY)
    kept = replaced.kept_database
    undo.drop_kept(replaced, actor=manager, reason=WHY)
    dropped = ours_logged(server, "DROP DATABASE")[-1]
    as_tovgov(server, "postgres", f'CREATE DATABASE "{kept}"', dropped)  # a superuser who calls himself tovgov
    scene.sql(f'DROP DATABASE "{live}" WITH (FORCE)', database="postgres")
    scene.target.refresh_from_db()
    recovered = scene.restore(backup, mode="recover")
    scene.succeeded(recovered)
    as_tovgov(server, live, "CREATE TABLE made (a int)", "DROP TABLE made", user=OPERATOR,
              password=scene.club.passwords[OPERATOR])  # fmt: skip
    server.stop()

    run = imported(source)
    assert run.explained > 0
    assert loud_of_ours() == [dropped, "DROP TABLE made"]
    explained = ServerLogGroup.objects.exclude(explained_by="")
    assert set(explained.values_list("explained_by", flat=True)) <= {
        f"restore-{replaced.pk}",
        f"restore-{recovered.pk}",
    }
    assert explained.filter(kind="drop-database").count() == 1, "the end of what was kept"
    anomalies.run(scene.target)
    lines = AlertEvidence.objects.filter(alert__kind="anomaly.drop-attempts").values_list("line", flat=True)
    theirs = sorted(line.partition("statement: ")[2].strip() for line in lines)
    assert theirs == sorted([f'DROP DATABASE "{live}" WITH (FORCE)', dropped, "DROP TABLE made"])
    assert mark(dropped) in {one for act in scene.target.own_acts.all() for one in act.marks}
