"""A statement ends with its job."""

from __future__ import annotations

import threading
import time

import psycopg
import pytest

from audit.exceptions import JobCancelled
from audit.postgres.connect import connect
from audit.progress import Progress
from audit.stopping import stoppable
from tests.factories import BackupFactory
from tovgov.embedded import Cluster

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_running_statement_is_cancelled_at_once(cluster: Cluster) -> None:
    progress, began = Progress(BackupFactory(running=True)), time.monotonic()
    threading.Timer(0.3, progress.end, [JobCancelled("by Alice")]).start()
    cancelled = pytest.raises(JobCancelled, match="by Alice")
    with cancelled, connect(cluster.conninfo()) as connection, stoppable(connection, progress):
        connection.execute("SELECT pg_sleep(30)")
    assert time.monotonic() - began < 20


def test_somebody_elses_cancel_is_not_ours(cluster: Cluster) -> None:
    progress = Progress(BackupFactory(running=True))
    with connect(cluster.conninfo()) as other, psycopg.connect(**cluster.keywords()) as connection:  # type: ignore[arg-type]
        pid = connection.info.backend_pid
        threading.Timer(0.3, lambda: other.execute("SELECT pg_cancel_backend(%s)", [pid])).start()
        with pytest.raises(psycopg.errors.QueryCanceled), stoppable(connection, progress):
            connection.execute("SELECT pg_sleep(30)")


def test_a_closed_connection_is_left_alone(cluster: Cluster) -> None:
    progress = Progress(BackupFactory(running=True))
    with connect(cluster.conninfo()) as connection, stoppable(connection, progress):
        connection.execute("SELECT 1")
    progress.end(JobCancelled())
