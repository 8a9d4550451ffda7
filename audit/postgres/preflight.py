"""Test connection: what this role can do here, each answer PASS, FAIL or UNKNOWN. A probe that could not run is
UNKNOWN with the reason, never a pass."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum

import psycopg

from audit.exceptions import DatabaseMissing, TovgovError
from audit.postgres import probes
from audit.postgres.connect import ConnInfo, connect, translate
from audit.postgres.identity import similar_names
from audit.postgres.probes import Answer, Status
from audit.postgres.queries import read

Probe = Callable[[psycopg.Connection, ConnInfo], Answer]
PROBE_TIMEOUT = 10_000  # milliseconds


class Purpose(StrEnum):
    """What the role is for; decides what is asked of it."""

    WATCH = "watch"
    BACKUP = "backup"
    OPERATE = "operate"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a preflight, in words for people."""

    check: str
    status: Status
    detail: str
    hint: str = ""

    def as_dict(self) -> dict[str, str]:
        return {**asdict(self), "status": self.status.value}


CONNECTION: dict[str, Probe] = {
    "Encrypted connection": probes.encryption,
    "Database": probes.database,
    "Server version": probes.server_version,
    "Clock": probes.clock,
}
READING: dict[str, Probe] = {
    "Tables": probes.tables,
    "Row security": probes.row_security,
}
PROBES: dict[Purpose, dict[str, Probe]] = {
    Purpose.WATCH: {**CONNECTION, **READING},
    Purpose.BACKUP: {
        **CONNECTION,
        **READING,
        "Sequences": probes.sequences,
        "Large objects": probes.large_objects,
        "Standby": probes.standby,
    },
    Purpose.OPERATE: {
        **CONNECTION,
        "Writable": probes.writable,
        "Create databases": probes.create_databases,
        "Rename the database": probes.rename_database,
        "End sessions": probes.end_sessions,
        "Extensions": probes.extensions,
        "Free disk": probes.free_disk,
    },
}


def preflight(info: ConnInfo, purpose: Purpose, *, maintenance: str = "postgres") -> list[Line]:
    """Every line for a role of this purpose. Raises nothing of what it is asked to find out: a database that cannot
    be reached is a FAIL and leaves the other lines UNKNOWN. ``maintenance`` is asked for names like a wrong one."""
    wanted = PROBES[purpose]
    try:
        with connect(info, read_only=True, statement_timeout=PROBE_TIMEOUT) as conn:
            return [_reachable(conn, info), *(_ask(conn, info, check, wanted[check]) for check in wanted)]
    except TovgovError as error:
        hint = _meant(info, maintenance) if isinstance(error, DatabaseMissing) else ""
        reached = Line("Reachable", Status.FAIL, error.message, hint or error.hint)
        return [reached, *(Line(check, Status.UNKNOWN, "There is no connection.") for check in wanted)]


def _reachable(conn: psycopg.Connection, info: ConnInfo) -> Line:
    start = time.perf_counter()
    conn.execute(read("preflight/latency"))
    milliseconds = (time.perf_counter() - start) * 1000
    where = f"{conn.info.host}:{conn.info.port}"
    return Line("Reachable", Status.PASS, f"{where} answered {info.user or conn.info.user} in {milliseconds:.1f} ms.")


def _ask(conn: psycopg.Connection, info: ConnInfo, check: str, probe: Probe) -> Line:
    try:
        with conn.transaction():
            answer = probe(conn, info)
    except psycopg.Error as error:
        if conn.closed:
            raise
        return Line(check, Status.UNKNOWN, f"Could not be asked: {translate(error).message}")
    except (TovgovError, OSError) as error:
        return Line(check, Status.UNKNOWN, f"Could not be asked: {error}")
    return Line(check, *answer)


def _meant(info: ConnInfo, maintenance: str) -> str:
    """A hint at names like the one that is missing; empty when there is none or nobody to ask."""
    try:
        with connect(info.to(maintenance), read_only=True, statement_timeout=PROBE_TIMEOUT) as conn:
            close = similar_names(conn, info.database)
    except TovgovError:
        return ""
    there = " and ".join(f'"{name}"' for name in close)
    return f'There is {there}; you wrote "{info.database}". Names are exact.' if close else ""
