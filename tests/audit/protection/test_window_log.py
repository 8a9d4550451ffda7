"""What a maintenance window really writes into a server's log: all that tovgov did is explained by the window, however
it was closed; the same words by somebody else are not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from django.db import connection as own
from django.utils import timezone

from audit.actors import Actor
from audit.anomalies import run as anomalies
from audit.imports.server_logs import setup
from audit.models import Alert, MaintenanceWindow, OwnAct, Purpose, ServerLogGroup, Target
from audit.postgres.connect import ConnInfo, connect
from audit.protection import policies, windows
from tests.audit.imports.server_logs.conftest import imported
from tests.audit.protection.conftest import SCHEMA, WHY, put_on
from tests.audit.servers import register
from tests.cast import Cast
from tests.logging_server import as_tovgov, logging_server, loud_of_ours, ours_logged
from tests.waiting import wait_until
from tovgov.embedded import Cluster

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unqueued")]
RULES = ["ddl_guard", "drop_database_lock", "grants_lockdown", "ownership"]
DIE_AT_THE_SECOND_STEP = """
import os
import django
django.setup()
from audit.actors import Actor
from audit.models import MaintenanceWindow, Target
from audit.protection import execute, windows

real, done = execute._do, []

def dying(connection, step):
    real(connection, step)
    done.append(step)
    if len(done) == 2:
        os.kill(os.getpid(), 9)

execute._do = dying
actor = Actor.system("tests")
"""
CLOSE = "windows.close(MaintenanceWindow.objects.get(relocked_at=None), actor=actor)"
OPEN = "windows.open_window(Target.objects.get(), minutes=5, rules={rules!r}, reason='and killed in it', actor=actor)"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Cluster]:
    with logging_server(tmp_path / "data") as made:
        yield made


@pytest.fixture
def info(server: Cluster) -> ConnInfo:
    with connect(server.conninfo(), application_name="psql") as connection:
        connection.execute("CREATE ROLE shop_app LOGIN")
        connection.execute("CREATE DATABASE club")
    made = server.conninfo("club")
    with connect(made, application_name="psql") as connection:
        connection.execute(SCHEMA)
        connection.execute("GRANT USAGE ON SCHEMA shop TO shop_app")
        connection.execute("GRANT SELECT, TRUNCATE ON ALL TABLES IN SCHEMA shop TO shop_app")
    return made


@pytest.fixture
def target(info: ConnInfo, cast: Cast, manager: Actor) -> Target:
    policies.ensure_policies()
    made: Target = register(info, credentials={Purpose.OPERATE: (info.user, info.password)})
    rules = [{"rule": code} for code in RULES if code != "grants_lockdown"]
    rules += [{"rule": "grants_lockdown", "settings": {"roles": {"shop_app": {}}}}]
    policies.edit("closed shop", rules, actor=manager)
    assert put_on(made, "closed shop", manager).state == "succeeded"
    return made


def opened(target: Target, actor: Actor) -> MaintenanceWindow:
    return windows.open_window(target, minutes=5, rules=RULES, reason=WHY, actor=actor)


def let_it_end() -> None:
    past = timezone.now() - timedelta(seconds=1)
    rows = MaintenanceWindow.objects.filter(relocked_at=None)
    rows.update(opened_at=past - timedelta(minutes=5), closes_at=past)


def killed(act: str) -> None:
    facts = own.settings_dict
    database = f"postgres://{facts['USER']}:{facts['PASSWORD']}@{facts['HOST']}:{facts['PORT']}/{facts['NAME']}"
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "tovgov.settings", "DATABASE_URL": database}
    script = DIE_AT_THE_SECOND_STEP + act.format(rules=RULES)
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, timeout=200)
    assert done.returncode == -signal.SIGKILL, done.stderr


def relocked() -> bool:
    """By the minute's tick: not before the server has noticed that the killed one is gone."""
    windows.relock_due()
    return not MaintenanceWindow.objects.filter(relocked_at=None).exists()


def test_all_that_windows_do_is_explained_and_nothing_else(server: Cluster, target: Target, manager: Actor) -> None:
    source = setup.add(target, "folder", settings={"folder": str(server.folder / "log")}, actor=manager)
    windows.close(opened(target, manager), actor=manager)

    opened(target, manager)
    let_it_end()
    windows.relock_due()  # a worker, when its time is over

    opened(target, manager)
    killed(CLOSE)
    let_it_end()
    wait_until(relocked)  # its successor
    killed(OPEN)
    let_it_end()
    wait_until(relocked)
    assert OwnAct.objects.filter(last_at=None).count() == 0, "a successor ends what the dead one began"

    last = opened(target, manager)
    stolen = [text for text in ours_logged(server, "ALTER TABLE") if "OWNER TO" in text][-1]
    as_tovgov(server, "club", stolen)  # our role, our name, our words, while the window is open
    with psycopg.connect(**server.keywords("club"), autocommit=True) as person:  # type: ignore[arg-type]
        person.execute("GRANT SELECT ON shop.customer TO PUBLIC")
    windows.close(last, actor=manager)
    server.stop()

    run = imported(source)
    assert run.explained > 40
    assert loud_of_ours() == [stolen]
    names = ServerLogGroup.objects.filter(explained_by__startswith="maintenancewindow-").values_list("explained_by")
    assert {name for (name,) in names} == {f"maintenancewindow-{row.pk}" for row in MaintenanceWindow.objects.all()}
    fired = {firing.rule for firing in anomalies.run(target)}
    assert fired & {"settings-changed", "mass-drops", "drop-attempts", "guard-refused", "whole-table-delete"} == set()
    lines = Alert.objects.get(kind="anomaly.rights-granted").evidence.values_list("line", flat=True)
    theirs = {line.partition("statement: ")[2] for line in lines}  # of one line each
    assert {line for line in theirs if "shop_app" not in line} == {
        'ALTER ROLE "postgres" PASSWORD ?',  # the server was made with it
        "GRANT SELECT ON shop.customer TO PUBLIC",
        " ".join(stolen.split()),
    }
