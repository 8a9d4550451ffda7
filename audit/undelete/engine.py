"""Rows put back on a connection to the target: staged, judged, put in, read back, all in one transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

import psycopg
from psycopg import sql

from audit.exceptions import UndeleteRefused
from audit.postgres import queries
from audit.undelete.application import as_application
from audit.undelete.columns import Part, compare
from audit.undelete.conflicts import judge
from audit.undelete.order import Order, order
from audit.undelete.proof import digest, prove
from audit.undelete.sequences import catch_up
from audit.undelete.shape import Reference, load
from audit.undelete.staging import Deleted, find_tables, stage

LOCK_TIMEOUT = "5s"


class Ear(Protocol):
    """Whom the work tells what it does; ``audit.progress.Progress`` is one."""

    def phase(self, name: str, *, total: int | None = None, unit: str = "") -> None: ...
    def advance(self, count: int) -> None: ...
    def log(self, line: str) -> None: ...
    def check(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Terms:
    """What was decided before: rows that are in the way are refused or left (``skip``), named losses are accepted."""

    on_conflict: str = "refuse"
    accept: tuple[str, ...] = ()


@dataclass(slots=True)
class Work:
    """One putting back; call its parts in order, inside a transaction of ``connection``."""

    connection: psycopg.Connection
    terms: Terms
    ear: Ear
    parts: list[Part] = field(default_factory=list)
    sequence: Order = field(default_factory=lambda: Order((), frozenset(), ()))
    moves: list[dict[str, Any]] = field(default_factory=list)

    def run(self, rows: Iterable[Deleted]) -> dict[str, Any]:
        """Put ``rows`` back and prove them; the plan with what was done. The caller commits or rolls back.

        Raises what ``connect`` translates: locks, rights, a lost connection. What stands in the way of rows is told
        in the plan.
        """
        self._settle_settings()
        self.ear.phase("Send the deleted rows")
        self.parts = stage(self.connection, rows)
        self.ear.phase("Compare the tables")
        find_tables(self.connection, self.parts)
        self._compare()
        self.ear.phase("Put the rows back", total=sum(part.rows for part in self.parts), unit="rows")
        for part in self.sequence.parts:
            self.ear.check()
            self._put(part)
            self.ear.advance(part.rows)
        if self.sequence.deferred:
            self._check_deferred(self.sequence.parts[-1])
        self.ear.phase("Read them back", total=len(self.parts), unit="tables")
        for part in self.open_parts:
            prove(self.connection, part)
            self.ear.advance(1)
        for part in self.open_parts:
            self.moves += catch_up(self.connection, part)
        return self.plan()

    def _settle_settings(self) -> None:
        self.connection.execute(queries.read("settings"))
        self.connection.execute(load("settings", lock_timeout=sql.Literal(LOCK_TIMEOUT)))

    @property
    def open_parts(self) -> list[Part]:
        return [part for part in self.sequence.parts if not part.is_blocked]

    # --- before -------------------------------------------------------------------------------------------------

    def _compare(self) -> None:
        there = [part for part in self.parts if part.table is not None]
        for part in there:
            compare(part, self._lost(part))
        self.sequence = order(there, self._refers)
        for part in there:
            if self.sequence.stuck and part.label in self.sequence.stuck:
                circle = " → ".join(self.sequence.stuck)
                part.find(
                    "cycle", f"These tables refer to each other in a circle, and no key in it is DEFERRABLE: {circle}."
                )
            part.is_blocked = self._is_refused(part)
        if self.sequence.deferred:
            self.connection.execute(queries.read("undelete/defer"))

    def _lost(self, part: Part) -> dict[str, int]:
        gone = [name for name in part.names if name not in {column.name for column in part.now.columns}]
        return {name: self._count("lost_values", part, column=sql.Literal(name)) for name in gone}

    def _refers(self, part: Part, reference: Reference) -> bool:
        return bool(self._count("has_references", part, is_set=reference.is_set()))

    def _count(self, name: str, part: Part, **more: sql.Composable) -> int:
        row = self.connection.execute(load(name, part=sql.Literal(part.number), **more)).fetchone()
        assert row is not None
        return int(row[0])

    def _is_refused(self, part: Part) -> bool:
        terms = self.terms
        return any(f.refuses(on_conflict=terms.on_conflict, accept=list(terms.accept)) for f in part.findings)

    # --- the act ------------------------------------------------------------------------------------------------

    def _put(self, part: Part) -> None:
        """One table's rows, in a savepoint: what the server refuses is told, and the others are tried too."""
        self._choose_triggers(part)
        lines = self._statement(part).as_string(self.connection).splitlines()
        part.statement = "\n".join(line for line in lines if not line.startswith("--"))
        if part.is_blocked:
            return
        try:
            with self.connection.transaction():
                judge(self.connection, part, self.parts, self.sequence.deferred)
                self._insert(part)
        except (psycopg.OperationalError, psycopg.errors.InsufficientPrivilege):
            raise
        except psycopg.Error as error:
            part.is_blocked = True
            part.find(_code(error), _words(error), part.rows)

    def _choose_triggers(self, part: Part) -> None:
        """People's triggers stay silent where we may and can answer for the foreign keys ourselves."""
        ordinary = [name for name, enabled in part.now.triggers if enabled == "O"]
        always = [name for name, enabled in part.now.triggers if enabled == "A"]
        replica = [name for name, enabled in part.now.triggers if enabled == "R"]
        if ordinary and self._may_be_silent(part):
            part.silent = ordinary
            part.find(
                "triggers_silent", f"These triggers do not fire: {', '.join(ordinary)}. Parents are looked for by us."
            )
            always += replica
        else:
            always += ordinary
        if always:
            part.find("triggers_fire", f"These triggers fire: {', '.join(always)}. A row that they change is refused.")

    def _may_be_silent(self, part: Part) -> bool:
        by_hand = len(part.judged) == len(part.now.references) and not any(k.is_deferrable for k in part.now.keys)
        row = self.connection.execute(queries.read("undelete/may_silence")).fetchone()
        return by_hand and bool(row and row[0])

    def _statement(self, part: Part) -> sql.Composed:
        return load(
            "insert",
            table=part.now.identifier,
            columns=part.columns(),
            values=part.values(),
            definitions=part.definitions(),
            part=sql.Literal(part.number),
        )

    def _insert(self, part: Part) -> None:
        wanted = self._count("wanted", part)
        if not wanted:
            return
        with as_application(self.connection, part):
            put = self.connection.execute(self._statement(part)).rowcount
            if not self.sequence.deferred:
                self.connection.execute(queries.read("undelete/check_deferred"))
        self.ear.log(f"{part.now.label}: {put} rows put in")
        if put != wanted:
            part.is_blocked = True
            part.find("rows_suppressed", f"{wanted - put} of {wanted} rows did not arrive: a trigger held them back.")

    def _check_deferred(self, last: Part) -> None:
        """The foreign keys of a circle, when all rows are in; as the owner, because triggers may hang on them."""
        try:
            with self.connection.transaction(), as_application(self.connection, last):
                self.connection.execute(queries.read("undelete/check_deferred"))
        except psycopg.IntegrityError as error:
            last.is_blocked = True
            last.find("constraint_refused", _words(error))

    # --- what is told -------------------------------------------------------------------------------------------

    @property
    def told(self) -> list[Part]:
        """All parts, parents first: what stands in a child's way often began there. Tables that are gone come last."""
        return [*self.sequence.parts, *(part for part in self.parts if part.table is None)]

    def refusals(self) -> list[dict[str, Any]]:
        terms = self.terms
        return [
            finding.as_dict()
            for part in self.told
            for finding in part.findings
            if finding.refuses(on_conflict=terms.on_conflict, accept=list(terms.accept))
        ]

    def plan(self) -> dict[str, Any]:
        """Everything a person reads before, and after, rows are put back."""
        counts: dict[int, dict[str, int]] = {}
        for number, state, rows in self.connection.execute(queries.read("undelete/counts")):
            counts.setdefault(number, {})[state] = rows
        tables = [_table_plan(part, counts.get(part.number, {}), digest(self.connection, part)) for part in self.told]
        return {
            "tables": tables,
            "rows": sum(table["rows"] for table in tables),
            "put": sum(table["put"] for table in tables),
            "there": sum(table["there"] for table in tables),
            "deferred": sorted(self.sequence.deferred),
            "sequences": self.moves,
            "refusals": self.refusals(),
        }

    def require(self) -> None:
        """Raise ``UndeleteRefused`` when something stands in the way."""
        refusals = self.refusals()
        if refusals:
            first = refusals[0]
            more = f" And {len(refusals) - 1} more." if len(refusals) > 1 else ""
            raise UndeleteRefused(f"{first['table']}: {first['sentence']}{more}", refusals=refusals)

    def by_transaction(self) -> dict[int, int]:
        """How many rows of each transaction were put back."""
        return dict(self.connection.execute(queries.read("undelete/counts_by_transaction")).fetchall())


def _table_plan(part: Part, states: dict[str, int], sha256: str) -> dict[str, Any]:
    return {
        "table": part.label,
        "into": part.table.label if part.table else "",
        "rows": part.rows,
        "put": 0 if part.is_blocked else states.get("put", 0),
        "there": states.get("there", 0),
        "older": states.get("older", 0),
        "left_out": {name: states[name] for name in ("taken", "unique", "orphan") if states.get(name)},
        "columns": [column.name for column in part.put] if part.table else [],
        "statement": part.statement,
        "sha256": sha256,
        "findings": [finding.as_dict() for finding in part.findings],
    }


def _code(error: psycopg.Error) -> str:
    if isinstance(error, psycopg.errors.UniqueViolation | psycopg.errors.ExclusionViolation):
        return "constraint_refused"
    if isinstance(error, psycopg.IntegrityError):
        return "constraint_refused"
    return "value_refused" if isinstance(error, psycopg.DataError) else "trigger_refused"


def _words(error: psycopg.Error) -> str:
    words = " ".join(filter(None, [error.diag.message_primary, error.diag.message_detail]))
    return f"The server refuses a row: {words[:500]}"
