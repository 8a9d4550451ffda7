"""The connection log once a minute: a look at the sessions where no login trigger can be, and old rows pruned where one
is."""

from __future__ import annotations

import logging
from datetime import datetime

from django.utils import timezone
from psycopg import sql

from audit import targets
from audit.actors import Actor
from audit.exceptions import TovgovError
from audit.models import ConnectionAuditLog, ConnectionSource, Protection, Purpose, Target
from audit.postgres import queries
from audit.protection import installed, policies
from audit.protection.rule import Settings
from audit.protection.rules.connection_log import LOGIN_TRIGGERS, RULE, TABLE

logger = logging.getLogger(__name__)
ACTOR = Actor.system("connections")
PRUNE_MINUTE = 17  # of each hour
OPTIONS = {"connect_timeout": 5, "statement_timeout": 10_000}


def watch() -> None:
    """Look at every active target whose policy has the rule. One that cannot be reached keeps no other waiting long;
    that it cannot be is an alarm already."""
    rows = Protection.objects.filter(policy__isnull=False, target__is_active=True, target__check_error_code="")
    for row in rows.select_related("target", "policy"):
        assert row.policy is not None
        settings = next((s for rule, s in policies.parts(row.policy) if rule.code == RULE.code), None)
        if settings is None or not settings["logins"]:
            continue
        try:
            _look(row.target, settings)
        except TovgovError as error:
            logger.warning("%s: %s %s", row.target, error.code, error.message)


def _look(target: Target, settings: Settings) -> None:
    if (target.server_version or 0) < LOGIN_TRIGGERS:
        sample(target, actor=ACTOR)
    elif timezone.now().minute == PRUNE_MINUTE:
        prune(target, keep_days=settings["keep_days"], actor=ACTOR)


def sample(target: Target, *, actor: Actor) -> int:
    """Keep the sessions that are there now; how many were not known yet. Raises what ``targets.connected`` raises."""
    with targets.connected(target, Purpose.WATCH, actor=actor, read_only=True, **OPTIONS) as connection:
        found = connection.execute(queries.load("protection/connections_sample")).fetchall()
    known = set(
        ConnectionAuditLog.objects.filter(
            target=target, source=ConnectionSource.SAMPLE, pid__in=[row[0] for row in found]
        ).values_list("pid", "at")
    )
    new = [_row(target, *values) for values in found if values[1] is not None and values[:2] not in known]
    ConnectionAuditLog.objects.bulk_create(new, ignore_conflicts=True)
    return len(new)


def _row(
    target: Target, pid: int, at: datetime, role: str | None, database: str, address: str | None,
    application: str | None, tls: bool | None,
) -> ConnectionAuditLog:  # fmt: skip
    """A session as ``pg_stat_activity`` shows it; without pg_monitor it hides where others come from."""
    return ConnectionAuditLog(
        target=target, source=ConnectionSource.SAMPLE, pid=pid, at=at, role=role or "", database=database,
        client_address=address, application_name=application or "", tls=tls,
    )  # fmt: skip


def prune(target: Target, *, keep_days: int, actor: Actor) -> int:
    """Remove rows of the login trigger that are older than ``keep_days`` from the target; how many."""
    with targets.connected(target, Purpose.OPERATE, actor=actor, **OPTIONS) as connection:
        if not installed.may_read(connection, TABLE) or not installed.may_write(connection):
            return 0
        cursor = connection.execute(queries.load("protection/connection_log_prune", days=sql.Literal(keep_days)))
        return cursor.rowcount
