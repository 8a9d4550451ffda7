"""One attempt: run in a session of its own, looked at before it is rolled back, judged by what really happened."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import psycopg
from psycopg import Connection, sql

from audit.postgres import queries
from audit.postgres.connect import connect
from audit.protection import verify
from audit.protection.attack import clone
from audit.protection.attack.attempt import As, Attempt, Judged, Outcome, Place, Result
from audit.protection.attack.clone import APPLICATION, Ground
from audit.protection.attack.state import Harm, State, compare, observe
from audit.protection.facts import Table, read_facts
from audit.protection.rule import Status

DatabaseRow = tuple[int, bool, bool, str, str]
"""Of pg_database: oid, allows connections, template flag, owner, rights."""
MOST_TABLES = 100
"""Of the target's own tables, at most so many are attacked in turn."""


@dataclass
class Arena:
    """The clone as it stands: its state before any attempt, and whether it must be made anew."""

    ground: Ground
    before: State
    oid: int
    tables: tuple[Table, ...]
    known: frozenset[str]
    """What a look found before any attempt: memberships of the server's roles."""


def arena(ground: Ground) -> Arena:
    """Read the clone that was just made."""
    with connect(ground.clone, application_name=APPLICATION) as connection:
        facts = read_facts(connection)
        own = tuple(t for t in facts.tables if t.schema != clone.SCHEMA)
        known = frozenset(wrong_now(connection, ground))
        before = observe(connection, ground.roles)
    with connect(ground.server, application_name=APPLICATION) as connection:
        row = _database(connection, ground.name)
        assert row is not None
    return Arena(ground, before, row[0], own, known)


def wrong_now(connection: Connection, ground: Ground) -> list[str]:
    """What a look of tovgov's finds that is not as it must be."""
    findings = verify.look(connection, ground.parts)
    return [f"{f.object} is {f.status}" for f in findings if f.status is not Status.INSTALLED]


def _database(connection: Connection, name: str) -> DatabaseRow | None:
    found = queries.load("protection/attack/database", database=sql.Literal(name))
    row: DatabaseRow | None = connection.execute(found).fetchone()
    return row


def attempt(arena: Arena, wanted: Attempt) -> Result:
    """Try it and judge it."""
    rules = {rule.code: settings for rule, settings in arena.ground.parts}
    filled = (_filled(arena, line) for line in wanted.statements)
    statements = _each(arena, wanted) if wanted.each_of else tuple(filled)
    blank = Result(wanted.code, wanted.title, wanted.role, statements[:20], Outcome.UNTRIED, wanted.promised(rules))
    if not statements:
        return replace(blank, detail="The target has no table that this rule is meant for.")
    if wanted.place is Place.BESIDE or wanted.commits:
        return _beside(arena, wanted, statements, blank)
    return _inside(arena, wanted, statements, blank)


def _filled(arena: Arena, line: str) -> str:
    return line.format(**arena.ground.names)


def _each(arena: Arena, wanted: Attempt) -> tuple[str, ...]:
    names = arena.ground.names
    return tuple(
        line.format(**names | {"table": table.identifier.as_string(None)})
        for table in _chosen(arena, wanted.each_of)
        for line in wanted.statements
    )


def _chosen(arena: Arena, code: str) -> list[Table]:
    """The target's own tables that the rule is meant for; the widened patterns took none of them away."""
    settings = next((s for rule, s in arena.ground.parts if rule.code == code), None)
    if settings is None:
        return list(arena.tables)[:MOST_TABLES]
    with connect(arena.ground.clone, application_name=APPLICATION) as connection:
        labels = {t.oid for t in read_facts(connection).chosen(settings["tables"], settings["exclude"])}
    return [table for table in arena.tables if table.oid in labels][:MOST_TABLES]


# --- in the clone, rolled back -------------------------------------------------------------------------------------


def _inside(arena: Arena, wanted: Attempt, statements: Sequence[str], blank: Result) -> Result:
    oids = [table.oid for table in arena.tables] if wanted.each_of else []
    with (
        connect(arena.ground.clone, application_name=APPLICATION) as connection,
        connection.transaction(force_rollback=True),
    ):
        before = arena.before
        if wanted.prepare:
            refusal, _ = _run(connection, arena, wanted, [_filled(arena, line) for line in wanted.prepare])
            if refusal:
                return replace(blank, outcome=Outcome.REFUSED, detail=refusal)
        if wanted.prepare or oids:
            before = observe(connection, arena.ground.roles, oids)
            _myself(connection)
        refusal, ran = _run(connection, arena, wanted, statements)
        if wanted.judged is Judged.RAN:
            return _judged_by_running(blank, refusal)
        if not ran:  # the server itself has rolled back whatever it refused
            return replace(blank, outcome=Outcome.REFUSED, detail=refusal)
        harm = compare(before, observe(connection, arena.ground.roles, oids))
        if wanted.each_of and not any(before.rows[table.label] for table in arena.tables if table.kind == "r"):
            return replace(blank, detail="No table took an invented row.")
        return _judge(blank, harm, refusal, lambda: _wrong(connection, arena))


def _run(connection: Connection, arena: Arena, wanted: Attempt, statements: Sequence[str]) -> tuple[str, int]:
    """Run them as the role of the attempt, each in a savepoint; the words of what was refused, and how many ran. After
    a refusal nothing more is run, except where each statement is for another table."""
    refusal, ran = "", 0
    if wanted.role is not As.SUPERUSER:
        role = sql.Identifier(arena.ground.role(wanted.role))
        connection.execute(queries.load("protection/attack/become", role=role))
    for statement in statements:
        try:
            with connection.transaction():
                execute(connection, statement)
                connection.execute(queries.read("protection/attack/constraints"))
            ran += 1
        except psycopg.Error as error:
            if connection.closed:
                raise
            refusal = refusal or words(error)
            if not wanted.each_of:
                break
    _myself(connection)
    return refusal, ran


def _myself(connection: Connection) -> None:
    connection.execute(queries.read("protection/attack/myself"))


def execute(connection: Connection, statement: str) -> None:
    """Run one statement, a COPY to the end."""
    if statement.startswith("COPY"):
        with connection.cursor().copy(statement.encode()) as copy:
            for _ in copy:
                pass
    else:
        connection.execute(statement.encode())


def words(error: psycopg.Error) -> str:
    """The server's own sentence."""
    return (error.diag.message_primary or str(error)).strip()


def _wrong(connection: Connection, arena: Arena) -> list[str]:
    """What a look of tovgov's finds."""
    return [words for words in wrong_now(connection, arena.ground) if words not in arena.known]


# --- from another database -----------------------------------------------------------------------------------------


def _beside(arena: Arena, wanted: Attempt, statements: Sequence[str], blank: Result) -> Result:
    """What is said about a database as a whole; that it is dropped or renamed is found by the watch."""
    where = arena.ground.server if wanted.place is Place.BESIDE else arena.ground.clone
    with connect(where, application_name=APPLICATION) as connection:
        if wanted.commits:
            refusal = _run_for_good(connection, arena, wanted, statements)
            return _judge_for_good(connection, arena, wanted, blank, refusal)
        with connection.transaction(force_rollback=True):
            before = _database(connection, arena.ground.name)
            refusal, _ = _run(connection, arena, wanted, statements)
            return _judge_database(blank, refusal, before, _database(connection, arena.ground.name))


def _run_for_good(connection: Connection, arena: Arena, wanted: Attempt, statements: Sequence[str]) -> str:
    refusal = ""
    if wanted.role is not As.SUPERUSER:
        role = sql.Identifier(arena.ground.role(wanted.role))
        connection.execute(queries.load("protection/attack/become", role=role))
    for statement in statements:
        try:
            connection.execute(statement.encode())
        except psycopg.Error as error:
            if connection.closed:
                raise
            refusal = words(error)
            break
    _myself(connection)
    return refusal


def _judge_for_good(connection: Connection, arena: Arena, wanted: Attempt, blank: Result, refusal: str) -> Result:
    if wanted.judged is Judged.RAN:
        return _judged_by_running(blank, refusal)
    found = _database(connection, arena.ground.name)
    if found is None or found[0] != arena.oid:
        return replace(blank, outcome=Outcome.DETECTED, detail="The database is gone: the watch finds it.", seconds=0.0)
    with connect(arena.ground.clone, application_name=APPLICATION) as inside:
        harm = compare(arena.before, observe(inside, arena.ground.roles))
        return _judge(blank, harm, refusal, lambda: _wrong(inside, arena))


def _judge_database(blank: Result, refusal: str, before: DatabaseRow | None, after: DatabaseRow | None) -> Result:
    """Within the transaction that is rolled back: the row of pg_database is all that can have changed."""
    if before == after:
        return replace(blank, outcome=Outcome.REFUSED, detail=refusal or "It changed nothing.")
    if after is None or not after[1]:
        gone = "has another name" if after is None else "takes no connections"
        return replace(blank, outcome=Outcome.DETECTED, detail=f"The database {gone}: the watch finds it.", seconds=0.0)
    return replace(blank, outcome=Outcome.OPEN, detail="The database's row was changed.")


# --- judging -------------------------------------------------------------------------------------------------------


def _judged_by_running(blank: Result, refusal: str) -> Result:
    if refusal:
        return replace(blank, outcome=Outcome.REFUSED, detail=refusal)
    return replace(blank, outcome=Outcome.OPEN, detail="It ran.")


def _judge(blank: Result, harm: Harm, refusal: str, look: Callable[[], list[str]]) -> Result:
    if harm.is_none:
        return replace(blank, outcome=Outcome.REFUSED, detail=refusal or "It ran and changed nothing.")
    if harm.is_recorded:
        return replace(blank, outcome=Outcome.RECORDED, detail=harm.words)
    started = time.monotonic()
    found = look()
    if found:
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        took = round(time.monotonic() - started, 3)
        return replace(blank, outcome=Outcome.DETECTED, detail=f"{harm.words} Found: {found[0]}{more}.", seconds=took)
    return replace(blank, outcome=Outcome.OPEN, detail=harm.words)
