"""tovgov's own database when DATABASE_URL is not set: an embedded server that runs while somebody needs it.

Every command that needs the database holds a shared lock on ``<data>.users``. The last one out stops the server, so
that neither of two commands cuts the other off, and one that was killed is not counted: its lock went with it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN, flock
from pathlib import Path
from typing import IO, Any

import psycopg
from psycopg import sql

from tovgov.embedded import SUPERUSER, Cluster

MAJOR = 18
NAME = "tovgov"


def own_cluster(data: Path) -> Cluster:
    """The server of tovgov's own database: no TCP, and a role that is not a superuser."""
    return Cluster(data=data, major=MAJOR, socket_roles=(SUPERUSER, NAME))


def own_database_settings(data: Path) -> dict[str, Any]:
    """``DATABASES["default"]`` for the embedded server in ``data``. Looks at folders, starts nothing."""
    info = own_cluster(data).by_socket(NAME, NAME)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": info.database,
        "USER": info.user,
        "HOST": info.host,
        "PORT": str(info.port),
    }


@contextmanager
def own_database(data: Path) -> Iterator[Cluster]:
    """The embedded server runs within this block, and after it when another process still needs it.

    Raises what ``Cluster.start`` raises.
    """
    cluster = own_cluster(data)
    data.parent.mkdir(parents=True, exist_ok=True)
    with _file(data, "users") as users, _file(data, "door") as door:
        try:
            _enter(cluster, users, door)
            yield cluster
        finally:
            _leave(cluster, users, door)


def _file(data: Path, kind: str) -> IO[str]:
    return (data.parent / f".{data.name}.{kind}").open("w")


def _enter(cluster: Cluster, users: IO[str], door: IO[str]) -> None:
    flock(door, LOCK_EX)  # whoever leaves decides behind this door whether to stop the server
    try:
        flock(users, LOCK_SH)
        cluster.start()
        _ensure_database(cluster)
    finally:
        flock(door, LOCK_UN)


def _leave(cluster: Cluster, users: IO[str], door: IO[str]) -> None:
    flock(door, LOCK_EX)
    try:
        flock(users, LOCK_UN)
        flock(users, LOCK_EX | LOCK_NB)
        if _is_still_there(users):
            cluster.stop()
    except BlockingIOError:
        pass  # somebody else still needs it
    finally:
        flock(users, LOCK_UN)
        flock(door, LOCK_UN)


def _is_still_there(file: IO[str]) -> bool:
    """Whether the file is the one that has this name now. Of a folder that was removed and made again, as the demo
    does, we know nothing: the server in it is not ours."""
    ours = os.fstat(file.fileno())
    try:
        now = Path(file.name).stat()
    except FileNotFoundError:
        return False
    return (ours.st_dev, ours.st_ino) == (now.st_dev, now.st_ino)


def _ensure_database(cluster: Cluster) -> None:
    """The role and the database, made at the first start; each step is its own, so that a crash between is mended."""
    name = sql.Identifier(NAME)
    with psycopg.connect(**cluster.by_socket().keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [NAME]).fetchone():
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME]).fetchone():
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, name))
