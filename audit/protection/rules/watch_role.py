"""A role for watching: it sees what the server does, reads tovgov's own log, and writes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import Connection, sql

from audit.postgres import queries
from audit.protection import installed
from audit.protection.facts import TargetFacts
from audit.protection.installed import AGAIN
from audit.protection.reader_role import NEXT, ReaderRole
from audit.protection.rule import Finding, Settings, Status, Step
from audit.protection.statements import statement

LOGINS = "ConnectionAuditLog"
LOGS = {
    "protection_status": ("ProtectionStatus", "BackupLog"),
    "delete_audit": ("delete_audit_record", "DeleteAuditLog"),
    "connection_log": (LOGINS,),
}
"""What it may read in the schema tovgov, by the rule that makes it."""


def reader(settings: Settings) -> ReaderRole:
    """The role as the policy describes it."""
    groups = ("pg_monitor", "pg_read_all_data") if settings["data"] else ("pg_monitor",)
    return ReaderRole(
        WatchRole.code, "Watch (read-only)", settings["role"], groups, settings["connection_limit"], everything=False
    )


class WatchRole:
    code = "watch_role"
    title = "Watch role"
    promise = (
        "A role that sees the server's statistics, tovgov's logs in the target and (with data) every table, and writes"
        " nothing."
    )
    limits: Sequence[str] = (
        "Row security applies to it: it does not count rows that a policy hides.",
        "Its memberships hold in every database of the server that the role can connect to.",
    )
    defaults: Settings = {"role": "tovgov_watch", "connection_limit": 10, "data": True}

    def plan(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[Step]:
        steps = reader(settings).steps(facts, connection)
        coming = [name for rule, names in LOGS.items() if rule in facts.policy for name in names]
        wanted = [name for name in coming if name != LOGINS or facts.version >= 170_000] or self._logs(connection)
        if not settings["data"] and set(wanted) - self._readable(settings, connection):
            steps.append(self._let_read(wanted, settings, connection))
        return steps

    def advice(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[str]:
        """Who sets its password."""
        made = reader(settings)
        return [] if made.role in facts.roles else [NEXT.format(role=made.role, purpose=made.purpose)]

    def verify(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[Finding]:
        found, readable = reader(settings).findings(facts, connection), self._readable(settings, connection)
        return found + [
            Finding(self.code, f"tovgov.{name}", Status.MISSING, f"{settings['role']} may not read it.", AGAIN)
            for name in self._logs(connection)
            if name not in readable and settings["role"] in facts.roles
        ]

    def remove(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[Step]:
        steps = []
        if not settings["data"] and settings["role"] in facts.roles and (names := self._logs(connection)):
            parts = {"role": sql.Identifier(settings["role"]), "tables": _tables(names)}
            drop = (statement(connection, "watch_reads_back", **parts),)
            steps.append(Step(self.code, "Take the logs from the watch role", drop, "none", "", "superuser"))
        return steps + reader(settings).back(facts, connection)

    def _let_read(self, names: list[str], settings: Settings, connection: Connection) -> Step:
        parts = {"role": sql.Identifier(settings["role"]), "tables": _tables(names)}
        made = (statement(connection, "watch_reads", **parts),)
        effect = f"{settings['role']} may read {', '.join(names)} in the schema tovgov."
        return Step(self.code, f"Let {settings['role']} read tovgov's logs", made, "none", effect, "superuser")

    def _logs(self, connection: Connection) -> list[str]:
        """Those that are there."""
        have = installed.relations(connection)
        return [name for names in LOGS.values() for name in names if name in have]

    def _readable(self, settings: Settings, connection: Connection) -> set[str]:
        rows = connection.execute(queries.load("protection/watch_readable", name=sql.Literal(settings["role"])))
        return {name for (name,) in rows}


def _tables(names: list[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier("tovgov", name) for name in names)


RULE = WatchRole()
