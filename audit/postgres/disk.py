"""How much room there is under a database, where its server runs on this machine."""

from __future__ import annotations

import os
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

import psycopg

from audit.postgres.queries import read


@dataclass(frozen=True, slots=True)
class Disk:
    """Bytes that are free where the database lies, and the size of the database."""

    free: int
    database: int


def read_disk(conn: psycopg.Connection) -> Disk | None:
    """The disk under the database of ``conn``; None when the server is, or may be, another machine.

    Raises psycopg's ``InsufficientPrivilege`` when the role may not ask for the data folder (pg_read_all_settings).
    """
    row = conn.execute(read("preflight/disk")).fetchone()
    if row is None:
        return None
    place, data, size, system_identifier = row
    try:
        if not _is_here(conn, Path(data), system_identifier):
            return None
        status = os.statvfs(place)
    except OSError:
        return None
    return Disk(status.f_bavail * status.f_frsize, size)


def _is_here(conn: psycopg.Connection, data: Path, system_identifier: str) -> bool:
    """Whether ``data`` on this machine is that server's folder: one of the same name may be another server's."""
    try:
        start = (data / "global" / "pg_control").read_bytes()[:8]
    except PermissionError:
        return data.stat().st_uid == _owner_of_server(conn)
    return system_identifier in {str(struct.unpack(order, start)[0]) for order in ("<Q", ">Q")}


def _owner_of_server(conn: psycopg.Connection) -> int | None:
    """The user id of the process behind a Unix socket, as the kernel says; None over a network."""
    with socket.socket(fileno=os.dup(conn.fileno())) as wire:
        if wire.family != socket.AF_UNIX or not hasattr(socket, "SO_PEERCRED"):
            return None
        _, user, _ = struct.unpack("3i", wire.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        return int(user)
