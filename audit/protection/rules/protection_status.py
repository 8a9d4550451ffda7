"""The application's people can read, in their own database, what protects it and when it was backed up."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import Connection, sql

from audit.exceptions import PolicyMisfit
from audit.postgres import queries
from audit.protection import installed
from audit.protection.facts import TargetFacts
from audit.protection.installed import AGAIN
from audit.protection.rule import Finding, Released, Settings, Status, Step, rendered
from audit.protection.statements import forget, remember, statement

TABLE = Released("protection_status.v1")
NAME = "ProtectionStatus"
NAMES = (NAME, "BackupLog")


class ProtectionStatus:
    code = "protection_status"
    title = "Protection status"
    promise = (
        'The table tovgov."ProtectionStatus" says which policy protects the database, since when and how it is;'
        ' tovgov."BackupLog" has a line for each backup.'
    )
    limits: Sequence[str] = (
        "It is what tovgov last wrote; the truth is what verify reads from the catalogues.",
        "A line about a backup is missing when the target could not be reached with the credential for “Operate”.",
    )
    defaults: Settings = {"readers": []}

    def plan(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[Step]:
        for reader in settings["readers"]:
            if reader not in facts.roles:
                raise PolicyMisfit(f"The policy names the role {reader}, which the server does not have.")
        steps = []
        if any(found.status is not Status.INSTALLED for found in self._tables(connection)):
            made: tuple[str, ...] = (rendered(sql.SQL(TABLE.text), connection),)
            title = "Make the tables ProtectionStatus and BackupLog"
            steps.append(Step(self.code, title, made, "none", needs="superuser"))
        able = self._able(connection)
        for reader in (name for name in settings["readers"] if name not in able):
            made = (
                statement(connection, "status_reader", role=sql.Identifier(reader)),
                remember(connection, self.code, f"reader {reader}", {}),
            )
            effect = f"{reader} may read the status and the backup log, and nothing else of tovgov's."
            steps.append(Step(self.code, f"Let {reader} read the status", made, "none", effect, "superuser"))
        return steps

    def verify(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[Finding]:
        findings, able = self._tables(connection), self._able(connection)
        for reader in settings["readers"]:
            status = Status.INSTALLED if reader in able else Status.MISSING
            hint = "" if reader in able else AGAIN
            findings.append(Finding(self.code, f"reader {reader}", status, hint=hint))
        return findings

    def remove(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[Step]:
        if not installed.has_ground(connection):
            return []
        readers = [reader for reader in settings["readers"] if reader in facts.roles]
        drop = [statement(connection, "status_remove")]
        drop += [statement(connection, "status_reader_remove", role=sql.Identifier(reader)) for reader in readers]
        drop += [forget(connection, self.code, f"reader {reader}") for reader in readers]
        title = "Remove the tables ProtectionStatus and BackupLog"
        return [Step(self.code, title, tuple(drop), "none", needs="superuser")]

    def _tables(self, connection: Connection) -> list[Finding]:
        have = installed.relations(connection)
        return [installed.judge_relation(self.code, name, have.get(name)) for name in NAMES]

    def _able(self, connection: Connection) -> set[str]:
        if not installed.relations(connection).keys() >= set(NAMES):
            return set()
        return {name for (name,) in connection.execute(queries.load("protection/status_readers"))}


RULE = ProtectionStatus()
