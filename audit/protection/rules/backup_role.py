"""A role for backups: it reads everything a dump needs, row security and large objects included, and writes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import Connection

from audit.protection.facts import TargetFacts
from audit.protection.reader_role import NEXT, ReaderRole
from audit.protection.rule import Finding, Settings, Step


def reader(settings: Settings) -> ReaderRole:
    """The role as the policy describes it."""
    groups, limit = ("pg_read_all_data",), settings["connection_limit"]
    return ReaderRole(BackupRole.code, "Back up", settings["role"], groups, limit, everything=True)


class BackupRole:
    code = "backup_role"
    title = "Backup role"
    promise = (
        "A role that can dump the whole database, rows behind row security and large objects too, and write nothing."
    )
    limits: Sequence[str] = (
        "It reads everything, so its password is worth as much as the data.",
        "pg_read_all_data and BYPASSRLS hold in every database of the server that the role can connect to.",
        "Up to PostgreSQL 18 each large object needs a grant of its own; new ones get it before each backup that tovgov"
        " makes, with the credential for “Operate”.",
        "As every role it can make temporary tables, and large objects of its own.",
        "Subscriptions are left out of a dump that is not a superuser's.",
    )
    defaults: Settings = {"role": "tovgov_backup", "connection_limit": 10}

    def plan(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[Step]:
        return reader(settings).steps(facts, connection)

    def advice(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[str]:
        """Who sets its password."""
        made = reader(settings)
        return [] if made.role in facts.roles else [NEXT.format(role=made.role, purpose=made.purpose)]

    def verify(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[Finding]:
        return reader(settings).findings(facts, connection)

    def remove(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[Step]:
        return reader(settings).back(facts, connection)


RULE = BackupRole()
