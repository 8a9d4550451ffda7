"""What a usual day of a protected target really writes into its server's log: backups with their grants, imports,
pruning, undeletes, verifications. Nothing of it waits for a person."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from audit.actors import Actor
from audit.anomalies import run as anomalies
from audit.imports import deletions
from audit.imports.server_logs import setup
from audit.models import AlertEvidence, DeleteAuditTransaction, Purpose, ServerLogGroup, Target
from audit.postgres.connect import ConnInfo
from audit.protection import policies, verify
from backups.models import Destination
from tests.audit.imports.conftest import imported as import_deletes
from tests.audit.imports.server_logs.conftest import imported
from tests.audit.protection.conftest import SCHEMA, put_on
from tests.audit.servers import register
from tests.audit.undelete.steps import put_back
from tests.backups.house import back_up
from tests.cast import Cast
from tests.logging_server import as_tovgov, logging_server, loud_of_ours, ours_logged
from tovgov.embedded import Cluster

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Cluster]:
    with logging_server(tmp_path / "data") as made:
        yield made


def person(server: Cluster, database: str, *statements: str) -> None:
    with psycopg.connect(**server.keywords(database), autocommit=True) as connection:  # type: ignore[arg-type]
        for statement in statements:
            connection.execute(statement.encode())


@pytest.fixture
def info(server: Cluster) -> ConnInfo:
    person(server, "postgres", "CREATE DATABASE club")
    person(server, "club", SCHEMA)
    return server.conninfo("club")


@pytest.fixture
def target(info: ConnInfo, cast: Cast, manager: Actor, shelf: Destination, monkeypatch: pytest.MonkeyPatch) -> Target:
    monkeypatch.setattr("audit.jobs.enqueue", lambda *a, **k: None)
    monkeypatch.setattr(deletions, "FOLLOW_SECONDS", 0)
    policies.ensure_policies()
    us = (info.user, info.password)
    made: Target = register(info, credentials={Purpose.OPERATE: us, Purpose.BACKUP: us})
    rules = [{"rule": "delete_audit", "settings": {"keep_days": 0}}, {"rule": "protection_status"}]
    reader = {"rule": "backup_role", "settings": {"role": f"reader_{secrets.token_hex(4)}"}}
    policies.edit("everyday", [*rules, reader], actor=manager)
    assert put_on(made, "everyday", manager).state == "succeeded"
    return made


def test_a_usual_day_alarms_nobody(server: Cluster, target: Target, manager: Actor) -> None:
    source = setup.add(target, "folder", settings={"folder": str(server.folder / "log")}, actor=manager)
    person(server, "club", "SELECT lo_from_bytea(0, 'new')", 'DELETE FROM shop."Order" WHERE "Id" = 1')
    backup = back_up(target)
    assert backup.state == "succeeded", backup.error
    assert import_deletes(target).pruned > 0
    assert put_back(list(DeleteAuditTransaction.objects.all()), manager).state == "succeeded"
    verify.verify(target, actor=manager)
    shared = ours_logged(server, "-- pg_read_all_data")[-1]
    as_tovgov(server, "club", shared)
    server.stop()

    assert imported(source).explained > 0
    assert loud_of_ours() == [shared]
    explained = ServerLogGroup.objects.filter(explained_by=f"backup-{backup.pk}")
    assert set(explained.values_list("kind", flat=True)) == {"role-changed"}
    assert {firing.rule for firing in anomalies.run(target)} & {"drop-attempts", "whole-table-delete"} == set()
    lines = AlertEvidence.objects.filter(alert__kind="anomaly.rights-granted").values_list("line", flat=True)
    assert len([line for line in lines if "LARGE OBJECT" in line or "pg_read_all_data" in line]) == 1, "the impostor's"
