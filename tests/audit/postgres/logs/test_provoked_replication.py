"""A subscriber and a standby that do not reach the server they follow, on each version on this machine."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from tests.audit.postgres.logs.conftest import Writer, writing
from tests.audit.postgres.logs.provoking import PREFIX, SECRET, Told, alike, provoked
from tests.waiting import wait_until
from tovgov.embedded import free_port, majors

SETTINGS = {"log_min_messages": "warning", "log_line_prefix": PREFIX, "wal_retrieve_retry_interval": "1h"}


@pytest.mark.parametrize("major", sorted(majors()))
def test_who_follows_a_server_that_is_gone(major: int, tmp_path: Path) -> None:
    where = f"host=127.0.0.1 port={free_port()} dbname=club password={SECRET}"
    with writing(tmp_path, major, SETTINGS) as writer:
        subscribed = provoked(writer, lambda: subscribe(writer, where))
        standing_by = stand_by(writer, where)
    (alone,) = subscribed["replication-failure"]
    assert "could not connect to the publisher: " in alone.message
    assert (alone.level, alone.sqlstate) == ("ERROR", "08006")
    (asked,) = (one.message for one in subscribed["replication"] if "has started" in one.message)
    assert asked == 'logical replication apply worker for subscription "club" has started'
    for alone in standing_by["replication-failure"]:
        assert "could not connect to the primary server: " in alone.message
        assert (alone.level, alone.sqlstate) == ("FATAL", "08006")
    assert {"recovery", "start", "shutdown"} <= set(standing_by)


def subscribe(writer: Writer, where: str) -> None:
    """Until the worker has failed once; it would try again after an hour."""
    log = writer.paths()["csvlog"]
    begin = log.stat().st_size
    options = "(connect = false, enabled = false, slot_name = 'club')"
    assert writer.execute(f"CREATE SUBSCRIPTION club CONNECTION '{where}' PUBLICATION club WITH {options}") is None
    assert writer.execute("ALTER SUBSCRIPTION club ENABLE") is None
    wait_until(lambda: b"exited with exit code 1" in log.read_bytes()[begin:])
    assert writer.execute("ALTER SUBSCRIPTION club DISABLE") is None


def stand_by(writer: Writer, where: str) -> Told:
    """Until the standby has asked for its primary; it would ask again after an hour."""
    log = writer.paths()["csvlog"]
    writer.set(primary_conninfo=where)
    writer.cluster.stop()
    before = writer.sizes()
    (writer.cluster.folder / "standby.signal").touch()
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        writer.cluster.start()  # and sets the password
    wait_until(lambda: b"could not connect to the primary server" in log.read_bytes()[before["csvlog"] :])
    writer.cluster.stop()
    return alike(writer.since(before))
