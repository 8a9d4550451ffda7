"""Names of databases: any 1 to 63 bytes, and names for databases that stand beside another."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from audit.exceptions import NameInvalid

LONGEST = 63  # bytes; the server cuts a longer name without an error


def check_name(name: str) -> None:
    """Raise ``NameInvalid`` for a name that the server would refuse or silently cut."""
    size = len(name.encode())
    if not 1 <= size <= LONGEST or "\0" in name:
        raise NameInvalid(f'"{name}" has {size} bytes; a database name has 1 to {LONGEST}.', name=name)


def side_name(database: str, kind: str, stamp: datetime) -> str:
    """A name for a database beside ``database``: ``TovPlay_side_20260131_120000_9f3a61c2``. Never longer than 63
    bytes (the database's part is cut, never inside a character), and never the same twice."""
    tail = f"_{kind}_{stamp.astimezone(UTC):%Y%m%d_%H%M%S}_{secrets.token_hex(4)}"
    head = database.encode()[: LONGEST - len(tail.encode())].decode(errors="ignore")
    return head + tail
