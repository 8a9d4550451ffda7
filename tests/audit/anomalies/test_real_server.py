"""A night on a real server: what its own log tells, read by the import, is found by the rules."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from django.utils import timezone

from audit.actors import Actor
from audit.anomalies import configure, run
from audit.anomalies.dry_run import dry_run
from audit.imports.server_logs import setup
from audit.models import Alert, AnomalyFiring, Incident, ServerLogEntry, Target
from tests import factories
from tests.audit.imports.server_logs.conftest import imported
from tovgov.embedded import Cluster, free_port

pytestmark = pytest.mark.django_db(transaction=True)
SYSTEM = Actor.system("tests")
SETTINGS = {
    "logging_collector": "on", "log_destination": "csvlog", "log_connections": "on", "log_statement": "mod",
    "shared_buffers": "16MB", "log_timezone": "UTC",
}  # fmt: skip
FOUND = {
    "mass-drops", "drop-attempts", "failed-logins", "unknown-database", "rights-granted", "settings-changed", "restart",
}  # fmt: skip


@pytest.fixture(autouse=True)
def unqueued(monkeypatch: pytest.MonkeyPatch) -> None:
    """Imports are run here, not queued."""
    monkeypatch.setattr("audit.jobs.enqueue", lambda *a, **k: None)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Cluster]:
    """A server of its own, whose log is read."""
    password = secrets.token_hex(8)
    made = Cluster(tmp_path / "data", 16, free_port(), True, password, SETTINGS, durable=False)
    made.start()
    yield made
    made.stop(immediately=True)


def the_night(server: Cluster) -> None:
    """What the sync script did, and who was about."""
    with psycopg.connect(**server.keywords(), autocommit=True) as script:  # type: ignore[arg-type]
        script.execute("CREATE ROLE stray LOGIN PASSWORD 'right'")
        script.execute("ALTER ROLE stray SUPERUSER")
        for number in range(6):
            script.execute(f"CREATE TABLE t{number} (id int)")  # type: ignore[arg-type]
        script.execute("TRUNCATE t0")
        for number in range(6):
            script.execute(f"DROP TABLE t{number}")  # type: ignore[arg-type]
        script.execute("ALTER SYSTEM SET work_mem = '8MB'")
        script.execute("SELECT pg_reload_conf()")
    for _ in range(10):
        with suppress(psycopg.OperationalError):
            psycopg.connect(**(server.keywords() | {"user": "stray", "password": "wrong"})).close()  # type: ignore[arg-type]
    with suppress(psycopg.OperationalError):
        psycopg.connect(**(server.keywords() | {"dbname": "Postgres"})).close()  # type: ignore[arg-type]
    server.stop()  # then its log is whole


def test_a_night_is_found_in_the_servers_own_log(server: Cluster) -> None:
    target: Target = factories.TargetFactory(name="Club")
    source = setup.add(target, "folder", settings={"folder": str(server.folder / "log")}, actor=SYSTEM)
    the_night(server)
    imported(source)
    found = run.run(target)
    assert {firing.rule for firing in found} >= FOUND
    assert {firing.key for firing in found if firing.rule == "unknown-database"} == {"Postgres"}
    drops = Alert.objects.get(kind="anomaly.mass-drops")
    assert "dropped or truncated 7 objects" in drops.title
    assert drops.evidence.filter(line__contains="DROP TABLE t5").exists()
    cited = drops.evidence.values("object_id")
    assert ServerLogEntry.objects.filter(pk__in=cited).count() == 7
    assert drops.incident == Incident.objects.get()
    assert Alert.objects.get(kind="anomaly.failed-logins").cited >= 10
    assert run.run(target) == []
    for code in FOUND:
        row = configure.of_target(target, code)
        tried = dry_run(row, {}, actor=SYSTEM, days=1, now=timezone.now() + timedelta(hours=1))
        live = AnomalyFiring.objects.filter(rule=code).values_list("key", "count")
        assert sorted((one.key, one.count) for one in tried.episodes) == sorted(live)
