"""The proof: is this database, row for row, what the manifest says? Counts, hashes, large objects, sequences, schema
and foreign keys. Used on a scratch database (verify) and on a side database before it is swapped in (restore)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from audit.postgres import rows
from audit.postgres.connect import ConnInfo, connect
from audit.postgres.rows import LargeObjects, SequenceState, TableState
from audit.progress import Progress
from audit.stopping import stoppable
from backups.exceptions import ProofFailed
from backups.foreign_keys import Orphans, find_orphans
from backups.manifest import Manifest
from backups.models import BackupCopy
from backups.schema import compare_schema

WORKERS = 2
TOLD = 5  # faults in one sentence; all stand in the result


@dataclass(frozen=True, slots=True)
class TableProof:
    """One table, as the manifest has it and as it was found; rows are None where there is no such table."""

    schema: str
    name: str
    wanted_rows: int | None
    found_rows: int | None
    is_equal: bool

    @property
    def fault(self) -> str:
        table = f'"{self.schema}"."{self.name}"'
        if self.found_rows is None:
            return f"{table} is missing ({self.wanted_rows} rows)"
        if self.wanted_rows is None:
            return f"{table} is not in the manifest"
        if self.wanted_rows != self.found_rows:
            return f"{table} has {self.found_rows} rows of {self.wanted_rows}"
        return "" if self.is_equal else f"{table} has {self.found_rows} rows, but with other content"


@dataclass(frozen=True, slots=True)
class Proof:
    """What was compared and what differs; it holds when nothing does. ``left_out`` could not be restored by this role
    and is no fault of the backup."""

    tables: list[TableProof]
    sequences: list[str] = field(default_factory=list)
    large_objects: str = ""
    schema: list[str] = field(default_factory=list)
    orphans: list[Orphans] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """Every difference in words, the worst kind first."""
        tables = [table.fault for table in self.tables if table.fault]
        orphans = [f"{found.rows} rows of {found.constraint} refer to nothing" for found in self.orphans]
        return [*tables, *orphans, *filter(None, [self.large_objects]), *self.schema, *self.sequences]

    @property
    def holds(self) -> bool:
        return not self.faults

    @property
    def rows(self) -> int:
        """Rows that were found in all tables."""
        return sum(table.found_rows or 0 for table in self.tables)

    def require(self) -> None:
        """Raise ``ProofFailed`` with the first faults in words unless the proof holds."""
        if self.holds:
            return
        more = f" And {len(self.faults) - TOLD} more." if len(self.faults) > TOLD else ""
        raise ProofFailed("; ".join(self.faults[:TOLD]) + "." + more, faults=self.faults[:100])

    def to_dict(self) -> dict[str, Any]:
        """For the page that shows it, table by table."""
        return asdict(self) | {"holds": self.holds, "rows": self.rows, "faults": self.faults}


def prove(
    info: ConnInfo,
    manifest: Manifest,
    progress: Progress,
    *,
    copy: BackupCopy | None = None,
    left_out: Sequence[str] = (),
    workers: int = WORKERS,
) -> Proof:
    """Compare the database ``info`` names with ``manifest``. Changes nothing. Nobody may write to it meanwhile.

    ``copy`` lets a schema that differs be told object by object. ``left_out`` is what ``restore_archive`` could not
    restore without a superuser: objects of these kinds may be missing.
    Runs two phases of ``progress`` ("Compare rows", "Check foreign keys"). Raises what ``connect`` raises and
    ``JobCancelled``; differences are in the answer, see ``Proof.require``.
    """
    progress.phase("Compare rows", total=manifest.rows, unit="rows")
    found = rows.states_now(
        info, workers=workers, on_table=lambda state: progress.advance(state.rows), on_tick=progress.check
    )
    tables = _compare_tables(manifest.tables, found)
    with connect(info, read_only=True, application_name="tovgov proof") as connection:
        sequences = _compare_sequences(manifest, rows.sequences(connection))
        objects = _compare_large_objects(manifest.large_objects, rows.large_objects(connection))
        schema = compare_schema(manifest, connection, copy, left_out)
        progress.phase("Check foreign keys", unit="keys")
        with stoppable(connection, progress):
            orphans = find_orphans(connection, on_key=lambda done, total: _tell(progress, done, total))
    return Proof(tables, sequences, objects, schema, orphans, list(left_out))


def _tell(progress: Progress, done: int, total: int) -> None:
    progress.check()
    progress.job.total = total
    progress.at(done)


def _compare_tables(wanted: list[TableState], found: list[TableState]) -> list[TableProof]:
    there = {(table.schema, table.name): table for table in found}
    known = {(table.schema, table.name): table for table in wanted}
    return [_compare_table(key, known.get(key), there.get(key)) for key in sorted(known.keys() | there.keys())]


def _compare_table(key: tuple[str, str], wanted: TableState | None, found: TableState | None) -> TableProof:
    return TableProof(
        *key,
        wanted_rows=wanted.rows if wanted else None,
        found_rows=found.rows if found else None,
        is_equal=wanted == found,
    )


def _compare_sequences(manifest: Manifest, found: list[SequenceState]) -> list[str]:
    there = {(state.schema, state.name): state for state in found}
    faults = []
    for span in manifest.sequences:
        state = there.get((span.schema, span.name))
        name = f'the sequence "{span.schema}"."{span.name}"'
        if state is None:
            faults.append(f"{name} is missing")
        elif not span.holds(state.last_value, state.is_called):
            faults.append(f"{name} stands at {_standing(state)} instead of {span.before}")
    return faults


def _standing(state: SequenceState) -> str:
    return f"{state.last_value}{'' if state.is_called else ', not given out yet,'}"


def _compare_large_objects(wanted: LargeObjects, found: LargeObjects) -> str:
    if wanted == found:
        return ""
    if wanted.count != found.count:
        return f"there are {found.count} large objects of {wanted.count}"
    return "the large objects have other content"
