"""Free disk on a target's server. PostgreSQL does not tell: it is known only when the server runs on this machine."""

from __future__ import annotations

import ipaddress
import shutil
from pathlib import Path

import psycopg

from backups.restore.shape import read


def free_bytes(conn: psycopg.Connection) -> int | None:
    """Free bytes where the server of ``conn`` keeps its data; None when that cannot be known from here."""
    if not _is_here(conn):
        return None
    row = conn.execute(read("restore/data_directory")).fetchone()
    if row is None or not row[0]:
        return None
    try:
        return shutil.disk_usage(Path(row[0])).free
    except OSError:
        return None


def _is_here(conn: psycopg.Connection) -> bool:
    """By a Unix socket or a loopback address. A tunnel looks the same; then the folder is hardly there."""
    if conn.info.host.startswith(("/", "@")):
        return True
    try:
        return ipaddress.ip_address(conn.info.hostaddr).is_loopback
    except ValueError:
        return False
