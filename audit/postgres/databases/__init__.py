"""Databases as a whole: what belongs to one, who is in it, making, renaming, swapping and dropping it."""

from audit.postgres.databases.apply import Skipped, apply_facts
from audit.postgres.databases.connected import Session, sessions, terminate
from audit.postgres.databases.facts import DatabaseFacts, Grant, Setting, read_facts
from audit.postgres.databases.make import create_like, drop, exists
from audit.postgres.databases.names import check_name, side_name
from audit.postgres.databases.renames import rename, swap

__all__ = [
    "DatabaseFacts",
    "Grant",
    "Session",
    "Setting",
    "Skipped",
    "apply_facts",
    "check_name",
    "create_like",
    "drop",
    "exists",
    "read_facts",
    "rename",
    "sessions",
    "side_name",
    "swap",
    "terminate",
]
