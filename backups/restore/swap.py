"""Putting a proved database into service by rename, and writing down what happened, also when nobody was left to.

The renames are one transaction on the target's server: they happen whole or not at all. Which of the two it was can
always be read from the databases' oids, so a worker may die at any moment.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psycopg
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from audit import ledger, locks, targets
from audit.actors import Actor
from audit.exceptions import DatabaseBusy, DatabaseExists, TovgovError, WrongIncarnation
from audit.models import Purpose, Target
from audit.postgres import databases, identity
from audit.postgres.connect import connect
from backups.exceptions import DatabaseStillThere, RestoreRunning, SwapBlocked
from backups.models import Restore, SwapState
from backups.restore.shape import read
from backups.restore.side_database import note, server_of

logger = logging.getLogger(__name__)
SWAP, UNDO, REDO = "swap", "undo", "redo"
STATE_AFTER = {SWAP: SwapState.SWAPPED, UNDO: SwapState.UNDONE, REDO: SwapState.SWAPPED}


@contextmanager
def exclusively(target: Target) -> Iterator[None]:
    """One restore, undo or redo a target at a time. Raises ``RestoreRunning`` when someone else is at work."""
    with locks.held(f"restore into target {target.pk}") as got:
        if not got:
            raise RestoreRunning(f"Another restore, undo or redo of {target} is at work.")
        yield


@contextmanager
def renaming(restore: Restore) -> Iterator[psycopg.Connection]:
    """``server_of``, where renames that fail are told as what they mean for a restore."""
    try:
        with server_of(restore) as conn:
            yield conn
    except DatabaseBusy as error:
        raise SwapBlocked(error.message, **error.detail) from error
    except DatabaseExists as error:
        raise DatabaseStillThere(error.message, **error.detail) from error


def name_of(conn: psycopg.Connection, oid: int | None) -> str | None:
    """The name that the database with this oid has now; None when it is gone."""
    row = conn.execute(read("restore/name_of"), (oid,)).fetchone() if oid is not None else None
    return None if row is None else str(row[0])


def swap_in(restore: Restore, former: int | None, *, actor: Actor) -> None:
    """Give the proved side database the target's name; the database that has it, ``former`` by its oid, is kept under
    another. Raises ``DatabaseStillThere`` or ``WrongIncarnation`` when it is another one by now, and ``SwapBlocked``;
    the live database is then as it was.
    """
    live, side = restore.target.database, restore.side_database
    kept = kept_name(live, "former") if former else ""
    with resolved(restore, SWAP, actor=actor), renaming(restore) as conn:
        _require_same(restore, former, identity.find_database(conn, live))
        note(restore, former_oid=former, intent=SWAP)
        milliseconds = databases.swap(conn, live, side, kept) if kept else databases.rename(conn, side, live)
        record(restore, SWAP, kept, milliseconds, actor=actor, reason=restore.reason)


def _require_same(restore: Restore, wanted: int | None, found: int | None) -> None:
    if wanted == found:
        return
    name = restore.target.database
    if wanted is None:
        raise DatabaseStillThere(f'Somebody has made a database "{name}" meanwhile; it was not touched.')
    raise WrongIncarnation(f'"{name}" was dropped or made again meanwhile.')


@contextmanager
def resolved(restore: Restore, act: str, *, actor: Actor) -> Iterator[None]:
    """A rename whose commit was lost on the way back may have happened all the same: then the error is none. One that
    did not happen leaves no intent. When the server cannot be asked, the intent stays, and is settled later."""
    try:
        yield
    except TovgovError:
        try:
            settle(restore, actor=actor)
        except TovgovError as error:
            logger.warning("restore %s: how its %s ended is not known yet: %s", restore.pk, act, error.message)
        if restore.swap != STATE_AFTER[act]:
            raise


def kept_name(database: str, kind: str) -> str:
    """A name for what goes out of service."""
    return databases.side_name(database, kind, datetime.now(UTC))


def record(restore: Restore, act: str, kept: str, milliseconds: float | None, *, actor: Actor, reason: str) -> None:
    """Write down that ``act`` (swap, undo, redo) has happened, and pin the database that is in service now."""
    state = STATE_AFTER[act]
    facts: dict[str, object] = {"swap": state, "kept_database": kept, "swap_milliseconds": milliseconds, "intent": ""}
    if act == SWAP:
        facts |= _first_time(restore, kept)
    in_service = restore.restored_oid if state == SwapState.SWAPPED else restore.former_oid
    with connect(targets.maintenance(restore.target, Purpose.OPERATE), read_only=True) as conn:
        server = identity.read_identity(conn)  # before anything is written: what fails here is settled later
    with transaction.atomic():
        note(restore, **facts)
        told = {"milliseconds": milliseconds, "kept": kept, "backup": str(restore.backup)}
        ledger.append(f"restore.{act}", actor=actor, obj=restore, target=restore.target, reason=reason, **told)
        _pin(
            restore,
            server,
            in_service,
            actor=actor,
            reason=f"{act.capitalize()} of restore {restore.pk}. {reason}".strip(),
        )


def _first_time(restore: Restore, kept: str) -> dict[str, object]:
    """RTO counts from the request, RPO is the age of the data at this moment."""
    now, snapshot_at = timezone.now(), restore.backup.snapshot_at
    return {
        "swapped_at": now,
        "side_database": "",
        "kept_until": now + timedelta(days=int(settings.TOVGOV_KEEP_FORMER_DAYS)) if kept else None,
        "rto_seconds": (now - restore.queued_at).total_seconds(),
        "rpo_seconds": (now - snapshot_at).total_seconds() if snapshot_at else None,
    }


def _pin(restore: Restore, server: identity.Identity, oid: int | None, *, actor: Actor, reason: str) -> None:
    assert oid is not None
    target = Target.objects.select_for_update(no_key=True).get(pk=restore.target_id)
    seen = identity.Identity(server.system_identifier, oid, target.database, server.server_version)
    targets.pin(target, seen, actor=actor, reason=reason)
    restore.target = target


def settle(restore: Restore, *, actor: Actor) -> None:
    """Write down how a swap, undo or redo ended whose worker did not live to do it. Call it ``exclusively``."""
    if not restore.intent:
        return
    act = restore.intent
    comes, goes = restore.restored_oid, restore.former_oid
    if act == UNDO:
        comes, goes = goes, comes
    with renaming(restore) as conn:
        live = identity.find_database(conn, restore.target.database)
        kept = name_of(conn, goes) or ""
    if live is not None and live == comes:
        record(restore, act, kept, None, actor=actor, reason="Its worker died; the renames had been done.")
    else:
        note(restore, intent="")
