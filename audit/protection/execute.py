"""Steps run on a target: one transaction each, short lock timeouts, tried again, never two runs at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import psycopg
from psycopg import Connection, sql

from audit.exceptions import LockTimeout, ProtectionRunning
from audit.postgres import queries
from audit.protection import installed
from audit.protection.rule import Step

LOCK_MILLISECONDS = 2_000
TRIES = 10
PAUSE_SECONDS = 0.5


@contextmanager
def alone(connection: Connection) -> Iterator[None]:
    """Hold the target's protection for this session. Raises ``ProtectionRunning`` when another session does."""
    row = connection.execute(queries.load("protection/one_at_a_time")).fetchone()
    if not (row and row[0]):
        raise ProtectionRunning("Another session changes the protection of this database right now.")
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute(queries.load("protection/one_at_a_time_end"))


def run(
    connection: Connection,
    steps: Iterable[Step],
    *,
    before: Callable[[Step], None] = lambda step: None,
    say: Callable[[str], None] = lambda line: None,
) -> None:
    """Run each step in its own transaction; ``before`` is called at each and may raise to stop between two.

    Raises ``LockTimeout`` that names the step when a lock cannot be had in ``TRIES`` times ``LOCK_MILLISECONDS``; the
    steps before it stand, and the next run goes on there.
    """
    connection.execute(queries.load("protection/lock_timeout", milliseconds=sql.Literal(f"{LOCK_MILLISECONDS}ms")))
    for step in steps:
        before(step)
        _run_one(connection, step, say)


def _run_one(connection: Connection, step: Step, say: Callable[[str], None]) -> None:
    for attempt in range(1, TRIES + 1):
        try:
            if step.outside:
                for statement in step.statements:
                    connection.execute(statement.encode())
                return
            with connection.transaction():
                _do(connection, step)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            say(f"{step.title}: somebody holds a lock; attempt {attempt} of {TRIES}.")
            time.sleep(PAUSE_SECONDS)
        else:
            return
    raise LockTimeout(
        f"{step.title}: somebody held a lock for too long.",
        hint="The steps before it stand. End the session that holds the table, or try again at a quieter hour.",
    )


def _do(connection: Connection, step: Step) -> None:
    """The statements, with the guards told that it is tovgov's own work; they are told so in this transaction only."""
    own = None
    if installed.may_write(connection):
        row = connection.execute(queries.load("protection/own_work_begin")).fetchone()
        own = row and row[0]
    for statement in step.statements:
        connection.execute(statement.encode())
    if own is not None and installed.has_ground(connection):
        connection.execute(queries.load("protection/own_work_end", id=sql.Literal(own)))
