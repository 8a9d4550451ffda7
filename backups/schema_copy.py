"""A database's schema, without its rows, in another database."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from audit.postgres.connect import ConnInfo, connect
from backups import conf
from backups.tools.archive import read_header
from backups.tools.finding import find_tool
from backups.tools.pg_dump import dump
from backups.tools.pg_restore import Options, find_restore_tool, restore
from backups.tools.pipeline import ChildReader
from backups.tools.watch import Watch

STALL_SECONDS = 120


def copy_schema(source: ConnInfo, destination: ConnInfo, cancelled: Callable[[], bool]) -> None:
    """Dump the schema of ``source`` and restore it into the empty database ``destination`` on the same server: without
    rows, owners, publications and subscriptions. Raises what ``dump`` and ``restore`` raise."""
    with connect(source, read_only=True) as connection:
        version = connection.info.server_version
    with tempfile.TemporaryDirectory(prefix="tovgov-schema-") as folder:
        archive = Path(folder) / "schema.dump"
        _dump(source, version, archive, cancelled)
        with archive.open("rb") as file:
            header = read_header(file)
        tool = find_restore_tool(header, version, pg_bin=conf.pg_bin(), sslmode=destination.sslmode)
        options = Options(version, jobs=1, no_owner=True, no_publications=True, no_subscriptions=True)
        restore(destination, tool, archive, options, cancelled=cancelled)


def _dump(source: ConnInfo, version: int, archive: Path, cancelled: Callable[[], bool]) -> None:
    tool = find_tool("pg_dump", version, pg_bin=conf.pg_bin(), sslmode=source.sslmode)
    child = dump(source, tool, schema_only=True)
    with child, archive.open("wb") as file:
        reader = ChildReader(child, Watch(cancelled=cancelled, stall_seconds=STALL_SECONDS))
        for chunk in iter(reader.read, b""):
            file.write(chunk)
        child.check()
