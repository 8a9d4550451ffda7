"""Live against backup, table by table: what a person must see before anything is replaced."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from audit import targets
from audit.models import Purpose, Target
from audit.postgres import rows
from audit.postgres.rows import TableState
from backups.exceptions import CountingTooLong
from backups.restore.names import TableName

BOOKKEEPING = {
    "BackupLog", "ProtectionStatus", "ConnectionAuditLog", "delete_audit_record", "ddl_log", "maintenance_window",
    "guard_setting", "protection_record",
}  # fmt: skip
"""Tables of tovgov's own in the schema tovgov of a protected database. They grow with every backup and every delete;
what the delete log holds is imported before a swap."""


@dataclass(frozen=True, slots=True)
class TableComparison:
    """Rows of one table on both sides; None where the table does not exist."""

    schema: str
    name: str
    live: int | None
    backup: int | None

    @property
    def table(self) -> str:
        return str(TableName(self.schema, self.name))

    @property
    def difference(self) -> int:
        """Rows after a restore less rows now."""
        return (self.backup or 0) - (self.live or 0)

    @property
    def is_bookkeeping(self) -> bool:
        return self.schema == "tovgov" and self.name in BOOKKEEPING

    @property
    def lost(self) -> int:
        """How many rows fewer there would be; tovgov's own do not count."""
        return 0 if self.is_bookkeeping else max(0, -self.difference)

    @property
    def lost_share(self) -> float:
        """The same as a share of the live rows, 0 to 1."""
        return self.lost / self.live if self.live else 0.0

    @property
    def what(self) -> str:
        """A word or two for the page."""
        if self.backup is None:
            return "not in the backup"
        if self.live is None:
            return "missing in the live database"
        if self.is_bookkeeping and self.difference:
            return "tovgov's own record"
        return "fewer in the backup" if self.lost else "more in the backup" if self.difference else "equal"

    def as_dict(self) -> dict[str, Any]:
        """As ``Restore.comparison`` keeps it."""
        facts = {name: getattr(self, name) for name in ("schema", "name", "table", "live", "backup", "difference")}
        return facts | {"lost": self.lost, "what": self.what}


def compare(live: Iterable[TableState], backup: Iterable[TableState]) -> list[TableComparison]:
    """Put both sides together, the greatest loss first, then by name."""
    ours = {(table.schema, table.name): table.rows for table in live}
    theirs = {(table.schema, table.name): table.rows for table in backup}
    both = [TableComparison(*key, ours.get(key), theirs.get(key)) for key in {**ours, **theirs}]
    return sorted(both, key=lambda table: (-table.lost, table.schema, table.name))


def losses(comparison: Iterable[TableComparison], share: float) -> list[TableComparison]:
    """The tables that would lose more than ``share`` (0 to 1) of their live rows; 0 allows no loss at all."""
    return [table for table in comparison if table.lost and table.lost_share > share]


def live_counts(
    target: Target, *, seconds: float | None = None, only: Collection[TableName] | None = None
) -> list[TableState]:
    """Rows of the live database's tables, of one moment. Raises ``CountingTooLong`` after ``seconds``."""
    deadline = time.monotonic() + seconds if seconds is not None else None

    def look_at_the_clock() -> None:
        if deadline is not None and time.monotonic() > deadline:
            raise CountingTooLong

    info = targets.conninfo(target, Purpose.BACKUP)
    return rows.states_now(info, counts_only=True, on_tick=look_at_the_clock, tables=only)


def total(tables: Iterable[TableState]) -> int:
    return sum(table.rows for table in tables)
