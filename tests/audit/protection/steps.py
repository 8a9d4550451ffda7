"""Policies put on and taken off a real database, without a job."""

from __future__ import annotations

import subprocess
from typing import Any

import psycopg

from audit.exceptions import QueryFailed
from audit.models import ProtectionPolicy
from audit.postgres.connect import ConnInfo, connect
from audit.protection import execute, plan, policies, verify
from audit.protection.rule import Finding, Status
from tovgov.embedded import Cluster, majors


def policy(*rules: str, **settings: dict[str, Any]) -> ProtectionPolicy:
    """A policy that is in no database: ``policy("delete_audit", truncate_guard={"mode": "capture"})``."""
    parts = [{"rule": code} for code in rules] + [{"rule": c, "settings": s} for c, s in settings.items()]
    return ProtectionPolicy(name="made up", version=1, rules=policies.complete(parts))


def policy_of(name: str) -> ProtectionPolicy:
    """A ready-made policy that is in no database."""
    return ProtectionPolicy(name=name, version=1, rules=policies.complete(policies.READY_MADE[name][1]))


def install(info: ConnInfo, wanted: ProtectionPolicy) -> int:
    """Run every step that is still to be done; how many. Tried again as a job is: a test beside this one may take the
    guards' roles, which belong to the whole server, away between two steps."""
    for attempt in (1, 2, 3):
        try:
            with connect(info) as connection:
                made = plan.make(connection, wanted)
                assert not made.blocked
                execute.run(connection, made.steps)
            break
        except QueryFailed:
            if attempt == 3:
                raise
    return len(made.steps)


def uninstall(info: ConnInfo, wanted: ProtectionPolicy) -> None:
    with connect(info) as connection:
        execute.run(connection, plan.unmake(connection, wanted).steps)


def findings(info: ConnInfo, wanted: ProtectionPolicy) -> list[Finding]:
    with connect(info) as connection:
        return verify.look(connection, policies.parts(wanted))


def wrong(info: ConnInfo, wanted: ProtectionPolicy) -> dict[str, Status]:
    """Object → status of everything that is not INSTALLED."""
    return {f.object: f.status for f in findings(info, wanted) if f.status is not Status.INSTALLED}


def attempt(info: ConnInfo, *statements: str) -> psycopg.Error | None:
    """Run the statements in one session; the error of the first that is refused."""
    with psycopg.connect(**info.keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
        try:
            for statement in statements:
                connection.execute(statement.encode())
        except psycopg.Error as error:
            return error
    return None


def schema_dump(cluster: Cluster, info: ConnInfo) -> str:
    """``pg_dump --schema-only --create`` by the server's own version, without the random key of newer ones."""
    command = [str(majors()[cluster.major] / "pg_dump"), "--schema-only", "--create"]
    with info.client_environment() as environment:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return "\n".join(line for line in done.stdout.splitlines() if not line.startswith(("\\restrict", "\\unrestrict")))
