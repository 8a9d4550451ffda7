"""A merge, between two open connections: find what is missing, insert it, prove it. One transaction or nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Protocol

import psycopg
from psycopg import sql

from audit.exceptions import LockTimeout
from audit.postgres import queries
from backups.exceptions import MergeImpossible, ProofFailed
from backups.restore.merge_match import Pair, match, names
from backups.restore.merge_plan import Plan, TablePlan
from backups.restore.merge_sequences import catch_up
from backups.restore.merge_stage import Stage
from backups.restore.names import TableName
from backups.restore.order import Order, order
from backups.restore.shape import Table, load, read, read_shape

Counts = tuple[int, int, int]  # rows inserted, updated, deleted
ATTEMPTS = 3  # when others write the same rows at the same moment


class Ear(Protocol):
    """Whom a merge tells what it does; ``audit.jobs.Progress`` is one."""

    def phase(self, name: str, *, total: int | None = None, unit: str = "") -> None: ...
    def advance(self, count: int) -> None: ...
    def log(self, line: str) -> None: ...
    def check(self) -> None: ...
    def conclude(self) -> None: ...


def merge_rows(
    live: psycopg.Connection, side: psycopg.Connection, wanted: Collection[str], *, dry_run: bool, ear: Ear
) -> Plan:
    """Put rows of ``side`` whose primary key ``live`` lacks into ``live``; nothing that is there is changed.

    Both connections must be in autocommit mode. Raises ``MergeImpossible``, ``TableUnknown`` or ``ProofFailed``;
    the live database is then as it was.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return Merge(live, side, wanted, ear).run(dry_run=dry_run)
        except (psycopg.errors.SerializationFailure, psycopg.errors.UniqueViolation) as error:
            if attempt == ATTEMPTS:
                raise _busy(error) from error
            ear.log("Someone else wrote the same rows; starting over.")
        except (psycopg.IntegrityError, psycopg.DataError, psycopg.errors.RaiseException) as error:
            raise _refused(error) from error
    raise AssertionError("unreachable")


def _busy(error: psycopg.Error) -> MergeImpossible | LockTimeout:
    if isinstance(error, psycopg.errors.UniqueViolation):
        return _refused(error)
    return LockTimeout("Others keep writing the same rows; the merge gave up and changed nothing.")


def _refused(error: psycopg.Error) -> MergeImpossible:
    words = " ".join(filter(None, [error.diag.message_primary, error.diag.message_detail]))
    return MergeImpossible(
        f"The live database refuses a row: {words}",
        hint="Nothing was changed. A constraint or trigger that is newer than the backup stands against it.",
        constraint=error.diag.constraint_name or "",
        table=error.diag.table_name or "",
    )


@contextmanager
def _moment(conn: psycopg.Connection, *, keep: bool) -> Iterator[None]:
    """A transaction that sees one moment, with values read and written the same on both sides. It is rolled back
    unless ``keep``."""
    conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    with conn.transaction(force_rollback=not keep):
        conn.execute(queries.read("settings"))
        yield


class Merge:
    """One attempt. ``stages`` are kept in the order of insertion."""

    def __init__(self, live: psycopg.Connection, side: psycopg.Connection, wanted: Collection[str], ear: Ear) -> None:
        self.live, self.side, self.wanted, self.ear = live, side, wanted, ear
        self.shapes: dict[TableName, Table] = {}
        self.stages: dict[TableName, Stage] = {}
        self.touched_before: dict[TableName, Counts] = {}

    def run(self, *, dry_run: bool) -> Plan:
        with _moment(self.side, keep=False), _moment(self.live, keep=not dry_run):
            self.touched_before = self._touched()  # what the server has not yet booked of earlier transactions
            plan = self._plan()
            if not dry_run:
                self._insert(plan)
                self._prove(plan)
                self._move_sequences(plan)
            self.ear.conclude()  # the commit comes next: a cancel is too late now
        return plan

    # --- plan ---------------------------------------------------------------------------------------------------

    def _plan(self) -> Plan:
        self.shapes = read_shape(self.live)
        choice = match(self.wanted, self.shapes, read_shape(self.side))
        sequence = self._order(choice.pairs)
        self.ear.phase("Find the missing rows", total=len(sequence.tables), unit="tables")
        for number, name in enumerate(sequence.tables):
            self.stages[name] = self._bring(choice.pairs[name], number)
            self.ear.advance(1)
        self._leave_out_orphans()
        ignored = {str(name): why for name, why in choice.ignored.items()}
        return Plan([self._table_plan(stage) for stage in self.stages.values()], ignored, sequence.deferred)

    def _order(self, pairs: dict[TableName, Pair]) -> Order:
        references = [reference for pair in pairs.values() for reference in pair.live.references]
        return order(pairs, references)

    def _bring(self, pair: Pair, number: int) -> Stage:
        stage = Stage(pair, number, self.live, self.side)
        stage.bring(lambda size: self.ear.check())
        if stage.count:
            for key in pair.live.others:
                stage.leave_out_taken(key)
        return stage

    def _leave_out_orphans(self) -> None:
        """Until nothing changes: a row that stays out may be the parent of another."""
        changed = True
        while changed:
            changed = False
            for stage in self.stages.values():
                for reference in stage.pair.live.references:
                    if (
                        stage.count
                        and not reference.of_a_partition
                        and set(reference.columns) <= set(stage.pair.columns)
                    ):
                        parent = self.shapes[reference.parent]
                        changed |= stage.leave_out_orphans(reference, parent, self.stages.get(reference.parent))
                self.ear.check()

    def _table_plan(self, stage: Stage) -> TablePlan:
        pair = stage.pair
        return TablePlan(
            table=str(pair.name),
            live=self._count(self.live, pair.live),
            backup=self._count(self.side, pair.backup),
            insert=stage.count,
            left_out=stage.left_out,
            forgotten_columns=pair.forgotten,
            defaulted_columns=pair.defaulted,
            triggers=pair.live.triggers,
        )

    @staticmethod
    def _count(conn: psycopg.Connection, table: Table) -> int:
        row = conn.execute(load("merge/count", table=table.source)).fetchone()
        assert row is not None
        return int(row[0])

    # --- insert -------------------------------------------------------------------------------------------------

    def _insert(self, plan: Plan) -> None:
        self.ear.phase("Put the rows back", total=plan.insert, unit="rows")
        if plan.deferred:
            self.live.execute(read("merge/defer"))
        for table, stage in zip(plan.tables, self.stages.values(), strict=True):
            self.ear.check()
            if stage.count:
                table.inserted = self._insert_into(stage)
                self.ear.advance(table.inserted)
                self.ear.log(f"{table.table}: {table.inserted} rows put back")

    def _insert_into(self, stage: Stage) -> int:
        """As the table's owner and with the search_path of the application, for the triggers: they are other
        people's code and must not run with tovgov's rights."""
        table = stage.pair.live
        if table.can_be_owner:
            role = sql.Identifier(table.owner)
            self.live.execute(load("merge/grant_stage", stage=stage.rows, role=role))
            self.live.execute(load("merge/become", role=role))
        self.live.execute(read("merge/application_path"), (table.owner,))
        columns = names(stage.pair.columns)
        statement = load("merge/insert", table=table.name.identifier, columns=columns, stage=stage.rows)
        inserted = self.live.execute(statement).rowcount
        self.live.execute(read("merge/become_oneself"))
        self.live.execute(read("merge/no_path"))
        return inserted

    def _move_sequences(self, plan: Plan) -> None:
        """Last, because nobody can draw a number from here to the commit, where one has to be moved."""
        for stage in self.stages.values():
            for sequence in stage.pair.live.sequences if stage.count else ():
                if move := catch_up(self.live, sequence, stage.pair.live):
                    plan.sequences.append(move)
                    self.ear.log(f"{sequence}: set to {move.now}")

    # --- prove --------------------------------------------------------------------------------------------------

    def _prove(self, plan: Plan) -> None:
        """Each inserted row equals the backup's; the tables hold what they held and these rows; no row of them was
        changed or deleted. Raises ``ProofFailed``."""
        self.ear.phase("Prove what was put back", total=len(plan.tables), unit="tables")
        if plan.deferred:
            self.live.execute(read("merge/check_deferred"))
        touched = self._touched_now()
        for table, stage in zip(plan.tables, self.stages.values(), strict=True):
            self.ear.check()
            self._prove_rows(table, stage)
            self._prove_rest(table, stage, touched.pop(stage.pair.name, (0, 0, 0)))
            self.ear.advance(1)
        plan.others = [
            {"table": str(name), "inserted": i, "updated": u, "deleted": d} for name, (i, u, d) in touched.items()
        ]
        for other in plan.others:
            self.ear.log(
                "By triggers: {table}: {inserted} inserted, {updated} updated, {deleted} deleted".format(**other)
            )

    def _touched(self) -> dict[TableName, Counts]:
        rows = self.live.execute(read("merge/touched"))
        return {TableName(schema, name): (i, u, d) for schema, name, i, u, d in rows}

    def _touched_now(self) -> dict[TableName, Counts]:
        """Rows inserted, updated and deleted by this transaction, triggers included, a table."""
        nothing = (0, 0, 0)
        before = self.touched_before
        changes = {
            name: (i - before.get(name, nothing)[0], u - before.get(name, nothing)[1], d - before.get(name, nothing)[2])
            for name, (i, u, d) in self._touched().items()
        }
        return {name: counts for name, counts in changes.items() if counts != nothing}

    def _prove_rows(self, table: TablePlan, stage: Stage) -> None:
        if not stage.count:
            return
        pair = stage.pair
        stage.send_keys(load("merge/copy_out", columns=names(pair.key.columns), table=stage.rows), lambda size: None)
        row = sql.SQL("ROW({})").format(names(pair.columns, "t"))
        same = pair.same("t", "k")
        now = load("merge/hash", row=row, table=pair.live.source, keys=stage.rows, match=same)
        then = load("merge/hash", row=row, table=pair.backup.source, keys=stage.keys, match=same)
        got, wanted = self.live.execute(now).fetchone(), self.side.execute(then).fetchone()
        if got != wanted or got is None or got[0] != stage.count:
            raise ProofFailed(
                f"What was put into {table.table} is not what the backup holds; all of it was taken back.",
                hint=_blame(table),
                table=table.table,
            )

    def _prove_rest(self, table: TablePlan, stage: Stage, touched: Counts) -> None:
        after = self._count(self.live, stage.pair.live)
        inserted, updated, deleted = touched
        counted = self._counting() and (inserted != stage.count or updated or deleted)
        if after != table.live + stage.count or counted:
            raise ProofFailed(
                f"{table.table} had {table.live} rows and {stage.count} were put back, but it has {after} "
                f"({updated} changed, {deleted} deleted); all of it was taken back.",
                hint=_blame(table),
                table=table.table,
            )

    def _counting(self) -> bool:
        row = self.live.execute(read("merge/is_counting")).fetchone()
        return bool(row and row[0])


def _blame(table: TablePlan) -> str:
    if not table.triggers:
        return "The live database is as it was. A column's default or a rule may change rows; use Replace."
    return (
        f"The live database is as it was. A trigger may have changed the rows ({', '.join(table.triggers)}): "
        "disable it for the merge, or use Replace."
    )
