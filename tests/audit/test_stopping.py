"""A statement ends with its job."""

from __future__ import annotations

import threading
from collections.abc import Callable

import psycopg
import pytest

from audit.exceptions import JobCancelled
from audit.postgres.connect import connect
from audit.progress import Progress
from audit.stopping import stoppable
from tests.factories import BackupFactory
from tests.waiting import wait_until
from tovgov.embedded import Cluster

pytestmark = pytest.mark.django_db(transaction=True)
SLEEPS = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND wait_event = 'PgSleep'"


def when_it_sleeps(
    cluster: Cluster, connection: psycopg.Connection, act: Callable[[psycopg.Connection], object]
) -> threading.Thread:
    """Do ``act`` with another connection as soon as ``connection`` runs pg_sleep."""
    pid = connection.info.backend_pid

    def watch() -> None:
        with connect(cluster.conninfo()) as other:
            wait_until(lambda: other.execute(SLEEPS, [pid]).fetchone() == (1,))
            act(other)

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def test_a_running_statement_is_cancelled_at_once(cluster: Cluster) -> None:
    progress = Progress(BackupFactory(running=True))
    cancelled = pytest.raises(JobCancelled, match="by Alice")
    with cancelled, connect(cluster.conninfo()) as connection:
        cancel = when_it_sleeps(cluster, connection, lambda other: progress.end(JobCancelled("by Alice")))
        with stoppable(connection, progress):
            connection.execute("SELECT pg_sleep(600)")
    cancel.join()


def test_a_statement_is_not_begun_when_the_job_was_told_to_stop_before(cluster: Cluster) -> None:
    progress = Progress(BackupFactory(running=True))
    progress.end(JobCancelled("by Alice"))
    told = pytest.raises(JobCancelled, match="by Alice")
    with told, connect(cluster.conninfo()) as connection, stoppable(connection, progress):
        connection.execute("SELECT pg_sleep(600)")


def test_somebody_elses_cancel_is_not_ours(cluster: Cluster) -> None:
    progress = Progress(BackupFactory(running=True))
    with psycopg.connect(**cluster.keywords()) as connection:  # type: ignore[arg-type]
        pid = connection.info.backend_pid
        cancel = when_it_sleeps(cluster, connection, lambda other: other.execute("SELECT pg_cancel_backend(%s)", [pid]))
        with pytest.raises(psycopg.errors.QueryCanceled), stoppable(connection, progress):
            connection.execute("SELECT pg_sleep(600)")
        cancel.join()


def test_a_closed_connection_is_left_alone(cluster: Cluster) -> None:
    progress = Progress(BackupFactory(running=True))
    with connect(cluster.conninfo()) as connection, stoppable(connection, progress):
        connection.execute("SELECT 1")
    progress.end(JobCancelled())
