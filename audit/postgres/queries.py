"""Every statement sent to a target is a ``.sql`` file, fetched by name; psycopg.sql fills names and literals only."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import LiteralString

from psycopg import sql

ROOT = Path(__file__).parent.parent / "sql"


@cache
def read(name: str, root: Path = ROOT) -> LiteralString:
    """The text of ``<root>/<name>.sql``; FileNotFoundError when there is none (a bug, not a user's error)."""
    return (root / f"{name}.sql").read_text()


def load(name: str, /, root: Path = ROOT, **parts: sql.Composable) -> sql.Composed:
    """The statement ``name`` with its ``{placeholders}`` filled by psycopg.sql objects."""
    return sql.SQL(read(name, root)).format(**parts)
