"""What a merge would do and has done: facts for the page, the approver and the ledger."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from backups.restore.merge_stage import LeftOut


@dataclass(slots=True)
class TablePlan:
    """One table: rows on both sides, how many come back, and what keeps others out. ``inserted`` is None in a dry
    run; ``triggers`` fire for every row."""

    table: str
    live: int
    backup: int
    insert: int
    left_out: list[LeftOut] = field(default_factory=list)
    forgotten_columns: tuple[str, ...] = ()
    defaulted_columns: tuple[str, ...] = ()
    triggers: tuple[str, ...] = ()
    inserted: int | None = None


@dataclass(frozen=True, slots=True)
class SequenceMove:
    sequence: str
    before: int
    now: int


@dataclass(slots=True)
class Plan:
    """``tables`` in the order of insertion. ``others`` are tables that triggers changed."""

    tables: list[TablePlan]
    ignored: dict[str, str]
    deferred: tuple[str, ...]
    sequences: list[SequenceMove] = field(default_factory=list)
    others: list[dict[str, Any]] = field(default_factory=list)

    @property
    def insert(self) -> int:
        return sum(table.insert for table in self.tables)

    @property
    def left_out(self) -> int:
        return sum(group.rows for table in self.tables for group in table.left_out)

    def as_dict(self) -> dict[str, Any]:
        """As ``Restore.plan`` keeps it."""
        return asdict(self) | {"insert": self.insert, "left_out": self.left_out}

    def sentences(self) -> list[str]:
        """The plan as a person reads it, a line a fact."""
        lines = [f"{t.table}: {t.insert} rows come back ({t.live} live, {t.backup} in the backup)" for t in self.tables]
        for table in self.tables:
            lines += [
                f"{table.table}: {group.rows} rows stay out, {group.why} ({group.constraint}): {', '.join(group.keys)}"
                for group in table.left_out
            ]
            if table.triggers and table.insert:
                lines.append(f"{table.table}: these triggers fire: {', '.join(table.triggers)}")
            if table.forgotten_columns:
                lines.append(f"{table.table}: columns gone since the backup: {', '.join(table.forgotten_columns)}")
            if table.defaulted_columns:
                lines.append(f"{table.table}: columns that get their default: {', '.join(table.defaulted_columns)}")
        return lines + [f"{name}: not merged. {why}" for name, why in self.ignored.items()]
