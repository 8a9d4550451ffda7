"""What an installation, an attack and an uninstallation really write into a server's log, read by the import: all of it
is explained by its run, and the same by anybody else is not."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from audit import tasks
from audit.actors import Actor
from audit.anomalies import run as anomalies
from audit.imports.server_logs import setup
from audit.models import Alert, ConnectionGroup, ProtectionRun, Purpose, ServerLogEntry, ServerLogGroup, Target
from audit.postgres.connect import ConnInfo, connect
from audit.protection import policies
from audit.protection.attack import request, suite
from tests.audit.imports.server_logs.conftest import imported
from tests.audit.protection.conftest import SCHEMA, WHY, put_on, take_off
from tests.audit.servers import register
from tests.cast import Cast
from tovgov.embedded import Cluster, free_port

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unqueued")]
SETTINGS = {
    "logging_collector": "on", "log_destination": "jsonlog", "log_connections": "on", "log_disconnections": "on",
    "log_statement": "mod", "shared_buffers": "16MB", "log_timezone": "UTC", "wal_level": "logical",
}  # fmt: skip
FEW = (
    "drop-database.owner", "drop-database-force.superuser", "rename-database.owner", "clone.createdb",
    "unlock-drop.superuser", "no-connections.owner", "superuser.owner", "drop-table.superuser",
)  # fmt: skip


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Cluster]:
    """A server of its own, whose log is read."""
    made = Cluster(tmp_path / "data", 16, free_port(), True, secrets.token_hex(8), SETTINGS, durable=False)
    made.start()
    yield made
    made.stop(immediately=True)


@pytest.fixture
def info(server: Cluster) -> ConnInfo:
    with psycopg.connect(**server.keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
        connection.execute("CREATE DATABASE club")
    made = server.conninfo("club")
    with connect(made) as connection:
        connection.execute(SCHEMA)
    return made


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole suite is run elsewhere."""
    chosen = tuple(one for one in suite.ATTEMPTS if one.code in FEW)
    assert len(chosen) == len(FEW)
    monkeypatch.setattr(suite, "ATTEMPTS", chosen)


def test_all_that_protection_does_is_explained_and_nothing_else(
    server: Cluster, info: ConnInfo, cast: Cast, few: None, manager: Actor
) -> None:
    policies.ensure_policies()
    target: Target = register(info, credentials={Purpose.OPERATE: (info.user, info.password)})
    source = setup.add(target, "folder", settings={"folder": str(server.folder / "log")}, actor=manager)
    with psycopg.connect(**server.keywords("club"), autocommit=True) as person:  # type: ignore[arg-type]
        person.execute("ALTER SCHEMA shop OWNER TO postgres")
    assert put_on(target, "lockdown", manager).state == "succeeded"
    attack: Any = request.request(target, actor=manager, reason=WHY)
    tasks.run_protection(attack.pk)
    attack.refresh_from_db()
    assert attack.state == "succeeded", attack.error
    assert take_off(target, manager).state == "succeeded"
    with psycopg.connect(**server.keywords("club"), autocommit=True) as person:  # type: ignore[arg-type]
        person.execute("GRANT SELECT ON shop.customer TO PUBLIC")
    server.stop()  # then its log is whole
    run = imported(source)
    assert run.explained > 40
    loud = ServerLogEntry.objects.filter(of_group__is_noise=False)
    loud_ones = [entry for entry in loud.exclude(role="") if entry.application.startswith("tovgov")]
    told = [(entry.database, entry.message) for entry in loud_ones]
    assert told == [], "nothing of our own waits for a person"
    assert loud.filter(message__startswith="statement: GRANT SELECT ON shop.customer").exists()
    explained = ServerLogGroup.objects.exclude(explained_by="")
    names = {f"protectionrun-{pk}" for pk in ProtectionRun.objects.values_list("pk", flat=True)}
    assert set(explained.values_list("explained_by", flat=True)) == names, "each run is named"
    assert {firing.rule for firing in anomalies.run(target)} & {"mass-drops", "drop-attempts", "guard-refused"} == set()
    lines = Alert.objects.get(kind="anomaly.rights-granted").evidence.values_list("line", flat=True)
    theirs = {line.partition("statement: ")[2] for line in lines}
    theirs.discard('ALTER ROLE "postgres" PASSWORD ?')  # the server was made with it
    wanted = {"ALTER SCHEMA shop OWNER TO postgres", "GRANT SELECT ON shop.customer TO PUBLIC"}
    assert theirs == wanted, "what people did before and after"
    ours = ConnectionGroup.objects.filter(application_name__startswith="tovgov", outcome="accepted")
    assert list(ours.values_list("role", "application_name", "client_address")) == []
