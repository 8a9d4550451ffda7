"""What is never retired, however old: entries that somebody must still look at, or that an open matter rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, models

from audit.models import (
    SERVER_LOGS,
    WAITING_STATES,
    ConnectionAuditLog,
    ConnectionGroup,
    DeleteAuditLog,
    DeleteAuditTransaction,
    ImportKind,
    ImportSource,
    ServerLogEntry,
    ServerLogGroup,
)
from audit.partitions import Partition

STATES = ", ".join(f"'{state}'" for state in WAITING_STATES)
OPEN_INCIDENT = "EXISTS (SELECT FROM audit_incident i WHERE i.id = g.incident_id AND i.closed_at IS NULL)"
REVIEWED = f"(g.state IN ({STATES}) OR {OPEN_INCIDENT})"
GROUPED = f"((g.state IN ({STATES}) AND NOT (g.is_noise AND g.state = 'unreviewed')) OR {OPEN_INCIDENT})"
"""A group that is hidden as noise waits for nobody."""
UNDELETED = (
    "EXISTS (SELECT FROM audit_undelete_transactions ut JOIN audit_undelete u ON u.id = ut.undelete_id"
    " WHERE ut.deleteaudittransaction_id = g.id AND u.state IN ('queued', 'running'))"
)
CITED = (
    "SELECT v.object_id FROM audit_alertevidence v JOIN audit_alert a ON a.id = v.alert_id"
    " LEFT JOIN audit_incident i ON i.id = a.incident_id"
    " WHERE v.kind = '{kind}' AND (a.resolved_at IS NULL OR (i.id IS NOT NULL AND i.closed_at IS NULL))"
)
"""The entries that an open alert, or one of an open incident, rests on: few."""


@dataclass(frozen=True, slots=True)
class Log:
    """One of our large logs, as retention sees it. ``key`` tells whose a row is: a source's id, or a target's."""

    model: type[models.Model]
    groups: type[models.Model]
    key: str
    group: str
    waits: str
    kinds: tuple[str, ...]

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    def key_of(self, source: ImportSource) -> int:
        """What stands in the column ``key`` of the rows of ``source``."""
        return int(source.target_id if self.key == "target_id" else source.pk)

    @property
    def cited(self) -> str:
        return CITED.format(kind=self.model._meta.model_name)

    @property
    def held(self) -> str:
        """The condition that holds a row ``e``."""
        waits = f"EXISTS (SELECT FROM {self.groups._meta.db_table} g WHERE g.id = e.{self.group} AND {self.waits})"
        return f"({waits} OR e.id IN ({self.cited}))"

    def holds_any(self, partition: Partition, newest: datetime) -> bool:
        """Whether a row of ``partition``, whose newest is of ``newest``, is held. Asks an index once for each group
        that waits and is not younger."""
        statement = (
            f"SELECT EXISTS (SELECT FROM {self.groups._meta.db_table} g WHERE {self.waits} AND g.at <= %s"  # noqa: S608  # ours
            f" AND EXISTS (SELECT FROM {partition.name} e WHERE e.{self.group} = g.id))"
            f" OR EXISTS ({self.cited} AND v.object_id >= %s AND v.object_id < %s)"
        )
        with connection.cursor() as cursor:
            cursor.execute(statement, [newest, partition.first, partition.below])
            return bool(cursor.fetchone()[0])

    def lock_groups(self, groups: Sequence[int]) -> None:
        """Nobody takes one of these into review until the caller's transaction ends."""
        if groups:
            locked = self.groups._default_manager.filter(pk__in=groups).order_by("pk").values_list("pk")
            statement, values = locked.query.sql_with_params()
            with connection.cursor() as cursor:
                cursor.execute(f"{statement} FOR SHARE", values)


LOGS = (
    Log(ServerLogEntry, ServerLogGroup, "source_id", "of_group_id", GROUPED, tuple(SERVER_LOGS)),
    Log(ConnectionAuditLog, ConnectionGroup, "import_source_id", "of_group_id", GROUPED,
        (ImportKind.LOGINS, ImportKind.SAMPLES, *SERVER_LOGS)),
    Log(DeleteAuditLog, DeleteAuditTransaction, "target_id", "of_transaction_id", f"({REVIEWED} OR {UNDELETED})",
        (ImportKind.DELETIONS,)),
)  # fmt: skip
