"""Maintenance windows: some guards stand aside for a while.

Time alone closes a window in the target. What tovgov itself unlocked (the template flag, ownership) is locked again
when it is closed, or by the first minute's tick after its end.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from psycopg import Connection, sql

from audit import alerts, approvals, ledger, own_acts, targets
from audit.actors import Actor
from audit.exceptions import (
    PolicyMisfit,
    ProtectionRightsMissing,
    ReasonMissing,
    TovgovError,
    WindowClosed,
    WindowInvalid,
    WindowOpen,
)
from audit.models import Approval, MaintenanceWindow, Purpose, Severity, Target
from audit.postgres import queries
from audit.protection import base, execute, installed, policies
from audit.protection.facts import read_facts
from audit.protection.rule import Rule, Settings, Step
from audit.protection.uninstall import policy_of

logger = logging.getLogger(__name__)
ACTION = "window.open"
OPEN = "audit.open_window"
ALERT = "window.not_relocked"
LONGEST = 480  # minutes
UNLOCKED = ("ownership", "grants_lockdown", "drop_database_lock")
"""Rules that no guard asks: tovgov undoes them while the window is open."""


def open_window(target: Target, *, minutes: int, rules: Sequence[str], reason: str, actor: Actor) -> MaintenanceWindow:
    """Let ``rules`` of the installed policy stand aside for ``minutes``, 1 to 480.

    Raises ``NotPermitted``, ``ReasonMissing``, ``NothingInstalled``, ``WindowInvalid``, ``WindowOpen``,
    ``ProtectionRightsMissing``, ``ProtectionRunning`` and, on production, ``ApprovalMissing``. When what must be
    unlocked cannot be, the window is closed and everything is locked again.
    """
    what = _asked(target, minutes=minutes, rules=rules, reason=reason, actor=actor)
    row = _make_row(target, what, reason=reason, actor=actor)
    try:
        with _at_work(row, actor) as (connection, act):
            _require_rights(connection)
            _open_there(connection, row)
            _unlock(connection, row, act)
    except TovgovError:
        _close_quietly(row, actor=actor)
        raise
    return row


def ask_approval(target: Target, *, minutes: int, rules: Sequence[str], reason: str, actor: Actor) -> Approval:
    """Ask a second person for exactly this window. Raises as ``open_window`` does."""
    what = _asked(target, minutes=minutes, rules=rules, reason=reason, actor=actor)
    return approvals.request(
        ACTION,
        actor=actor,
        target=target,
        what=what,
        summary=f"Open a maintenance window of {minutes} minutes on {target}: {', '.join(what['rules'])}.",
        reason=reason,
        detail={"promises that do not hold meanwhile": [rule.promise for rule, _ in _chosen(target, what["rules"])]},
    )


def close(row: MaintenanceWindow, *, actor: Actor) -> MaintenanceWindow:
    """Close it now and lock again. Raises ``NotPermitted``, ``WindowClosed`` and what stops it from locking."""
    actor.require(OPEN)
    if row.relocked_at is not None:
        raise WindowClosed
    relock(row, actor=actor)
    return row


def relock_due() -> None:
    """Once a minute: lock again what a window that is over had unlocked, however long no worker was there."""
    for row in MaintenanceWindow.objects.filter(relocked_at=None, closes_at__lte=timezone.now()):
        actor = Actor.system("windows")
        try:
            relock(row, actor=actor)
        except TovgovError as error:
            logger.error("window %s: %s %s", row.pk, error.code, error.message)


def relock(row: MaintenanceWindow, *, actor: Actor) -> None:
    """Close ``row`` in the target, lock again, list the DDL that happened. Raises what stops it, with an alert."""
    try:
        with _at_work(row, actor) as (connection, act):
            _close_there(connection, row)
            _lock(connection, policies.parts(policy_of(row.target)), act)
            row.ddl = _ddl(connection, row)
    except TovgovError as error:
        _alert(row, error, actor)
        raise
    row.closed_at = row.closed_at or min(timezone.now(), row.closes_at)
    row.closed_by = row.closed_by or actor.name
    row.relocked_at = timezone.now()
    with transaction.atomic():
        row.save(update_fields=["ddl", "closed_at", "closed_by", "relocked_at"])
        alerts.resolve(ALERT, fingerprint=f"window-{row.pk}", actor=actor)
        ledger.append("window.close", actor=actor, obj=row, target=row.target, ddl=len(row.ddl))


# --- inside ----------------------------------------------------------------------------------------------------------


def _asked(target: Target, *, minutes: int, rules: Sequence[str], reason: str, actor: Actor) -> dict[str, Any]:
    actor.require(OPEN)
    if not reason.strip():
        raise ReasonMissing
    if not 1 <= minutes <= LONGEST:
        raise WindowInvalid(f"A window lasts from 1 to {LONGEST} minutes, not {minutes}.")
    if not rules:
        raise WindowInvalid("A window relaxes at least one rule.")
    has = {part["rule"] for part in policy_of(target).rules}
    if unknown := sorted(set(rules) - has):
        raise WindowInvalid(
            f"The policy of {target} has no rule {', '.join(unknown)}; it has {', '.join(sorted(has))}."
        )
    return {"target": target.pk, "minutes": minutes, "rules": sorted(set(rules)), "reason": reason}


def _chosen(target: Target, codes: Sequence[str]) -> list[tuple[Rule, Settings]]:
    return [(rule, settings) for rule, settings in policies.parts(policy_of(target)) if rule.code in codes]


def _make_row(target: Target, what: dict[str, Any], *, reason: str, actor: Actor) -> MaintenanceWindow:
    """The row stands before anything is unlocked: a worker that dies here is found by ``relock_due``."""
    try:
        with transaction.atomic():
            approval = approvals.require(ACTION, actor=actor, what=what) if target.is_production else None
            row = MaintenanceWindow.objects.create(
                target=target,
                rules=what["rules"],
                minutes=what["minutes"],
                reason=reason,
                opened_by=actor.name,
                closes_at=timezone.now() + timedelta(minutes=what["minutes"]),
                approval=approval,
            )
            ledger.append("window.open", actor=actor, obj=row, target=target, reason=reason, what=what)
    except IntegrityError as error:
        if "one_window_a_target_at_a_time" not in str(error):
            raise
        raise WindowOpen from error
    return row


def _require_rights(connection: Connection) -> None:
    if not installed.may_write(connection):
        raise ProtectionRightsMissing("Our role may not open a window in the schema tovgov of this database.")


def _open_there(connection: Connection, row: MaintenanceWindow) -> None:
    parts = {
        "rules": sql.Literal(row.rules),
        "reason": sql.Literal(row.reason),
        "by": sql.Literal(row.opened_by),
        "closes_at": sql.Literal(row.closes_at),
    }
    made = connection.execute(queries.load("protection/window_open", queries.ROOT, **parts)).fetchone()
    assert made is not None
    row.number_there = made[0]
    row.save(update_fields=["number_there"])


@contextmanager
def _at_work(row: MaintenanceWindow, actor: Actor) -> Iterator[tuple[Connection, own_acts.Noted]]:
    """The target to ourselves, and what is sent there noted as this window's: the server's log will tell of it."""
    with (
        targets.connected(row.target, Purpose.OPERATE, actor=actor) as connection,
        execute.alone(connection),
        own_acts.noted(row.target, connection, of=row) as act,
    ):
        yield connection, act


def _run(connection: Connection, steps: Sequence[Step], act: own_acts.Noted) -> None:
    act.note(statement for step in steps for statement in step.statements)
    execute.run(connection, steps)


def _unlock(connection: Connection, row: MaintenanceWindow, act: own_acts.Noted) -> None:
    for rule, settings in _chosen(row.target, row.rules):
        if rule.code in UNLOCKED:
            _run(connection, rule.remove(read_facts(connection), settings, connection), act)


def _close_there(connection: Connection, row: MaintenanceWindow) -> None:
    if row.number_there is not None and installed.may_write(connection):
        connection.execute(queries.load("protection/window_close", id=sql.Literal(row.number_there)))


def _lock(connection: Connection, parts: Sequence[tuple[Rule, Settings]], act: own_acts.Noted) -> None:
    """Bring every rule to where the policy wants it: tables made in the window too. One that no longer fits does not
    keep the others open."""
    makers: list[Callable[[], list[Step]]] = [lambda: base.schema_steps(connection)]
    makers += [_maker(connection, rule, settings) for rule, settings in parts]
    misfits: list[PolicyMisfit] = []
    for make in makers:
        try:
            _run(connection, make(), act)
        except PolicyMisfit as error:
            misfits.append(error)
    if misfits:
        raise misfits[0]


def _maker(connection: Connection, rule: Rule, settings: Settings) -> Callable[[], list[Step]]:
    return lambda: rule.plan(read_facts(connection), settings, connection)


def _ddl(connection: Connection, row: MaintenanceWindow) -> list[dict[str, Any]]:
    if row.number_there is None or not installed.may_read(connection, "ddl_log"):
        return []
    rows = connection.execute(queries.load("protection/window_ddl", id=sql.Literal(row.number_there))).fetchall()
    names = ("at", "tag", "object", "role", "query")
    return [dict(zip(names, (values[0].isoformat(), *values[1:]), strict=True)) for values in rows]


def _close_quietly(row: MaintenanceWindow, *, actor: Actor) -> None:
    """It could not be opened whole: lock what was unlocked; when even that fails, the tick goes on with it."""
    MaintenanceWindow.objects.filter(pk=row.pk).update(
        closes_at=max(timezone.now(), row.opened_at + timedelta(seconds=1))
    )
    row.refresh_from_db()
    try:
        relock(row, actor=actor)
    except TovgovError as error:
        logger.error("window %s: %s %s", row.pk, error.code, error.message)


def _alert(row: MaintenanceWindow, error: TovgovError, actor: Actor) -> None:
    alerts.alert(
        ALERT,
        fingerprint=f"window-{row.pk}",
        title=f"{row.target}: a maintenance window could not be locked again: {error.message}",
        target=row.target,
        severity=Severity.CRITICAL if row.target.is_production else Severity.WARNING,
        hint=error.hint,
        actor=actor,
    )
