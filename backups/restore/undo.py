"""Undo, redo, and the end of what was kept for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import transaction
from django.utils import timezone

from audit import alerts, approvals, ledger, own_acts, targets
from audit.actors import Actor
from audit.exceptions import DatabaseBusy, ReasonMissing, TovgovError
from audit.models import Approval, Environment
from audit.postgres import databases, queries
from audit.postgres.connect import connect
from backups.exceptions import RestoreRunning, UndoGone
from backups.models import Restore, SwapState
from backups.restore.environment import environment_of
from backups.restore.side_database import note
from backups.restore.swap import REDO, UNDO, exclusively, kept_name, name_of, record, renaming, resolved, settle

PERMISSION = "backups.request_restore"
DROP = "restore.drop_kept"
KEPT = (SwapState.SWAPPED, SwapState.UNDONE)


def undo(restore: Restore, *, actor: Actor, reason: str) -> Restore:
    """Put the former database back into service; the restored one is kept for ``redo``. Takes milliseconds.

    The approval of the restore covers it. Raises ``NotPermitted``, ``ReasonMissing``, ``UndoGone`` (nothing is kept,
    or something else has happened since), ``RestoreRunning`` or ``SwapBlocked``.
    """
    return _turn(restore, UNDO, actor=actor, reason=reason)


def redo(restore: Restore, *, actor: Actor, reason: str) -> Restore:
    """Put the restored database back into service after an undo. Raises as ``undo``."""
    return _turn(restore, REDO, actor=actor, reason=reason)


def _turn(restore: Restore, act: str, *, actor: Actor, reason: str) -> Restore:
    with _held(restore, actor=actor, reason=reason) as row:
        if row.swap != (SwapState.SWAPPED if act == UNDO else SwapState.UNDONE) or not row.kept_database:
            raise UndoGone(f"There is nothing to {act}: {_why_not(row)}.")
        with resolved(row, act, actor=actor):
            kept, milliseconds = _exchange(row, act)
            record(row, act, kept, milliseconds, actor=actor, reason=reason)
        return row


@contextmanager
def _held(restore: Restore, *, actor: Actor, reason: str) -> Iterator[Restore]:
    """The restore's row as it is now, with its target to ourselves."""
    actor.require(PERMISSION)
    if not reason.strip():
        raise ReasonMissing
    with exclusively(restore.target):
        row = Restore.objects.select_related("target", "backup").get(pk=restore.pk)
        if Restore.objects.open().filter(target=row.target).exclude(pk=row.pk).exists():
            raise RestoreRunning(f"A restore into {row.target} is asked for or running.")
        settle(row, actor=actor)
        yield row
        restore.refresh_from_db()


def _why_not(restore: Restore) -> str:
    if restore.swap == SwapState.NONE:
        return "this restore was never swapped in"
    if restore.swap == SwapState.DROPPED:
        return "the database that was kept for it has been dropped"
    if not restore.kept_database:
        return "there was no database before this restore"
    return "it is undone already" if restore.swap == SwapState.UNDONE else "it is in service"


def _exchange(restore: Restore, act: str) -> tuple[str, float]:
    """Rename both, after making sure that each is still the one we know; the new name of what went, milliseconds."""
    live, kept = restore.target.database, restore.kept_database
    comes, goes = restore.former_oid, restore.restored_oid
    if act == REDO:
        comes, goes = goes, comes
    new_name = kept_name(live, "former" if act == REDO else "undone")
    with renaming(restore) as conn:
        if name_of(conn, comes) != kept:
            raise UndoGone(f'There is nothing to {act}: "{kept}" is gone or was renamed.')
        if name_of(conn, goes) != live:
            raise UndoGone(f'"{live}" is no longer the one of this restore: something came after it.')
        note(restore, intent=act)
        return new_name, databases.swap(conn, live, kept, new_name)


# --- the end of what was kept -------------------------------------------------------------------------------------


def drop_kept(restore: Restore, *, actor: Actor, reason: str) -> Restore:
    """Drop the database that was kept for undo or redo, for good. On production it needs an approval of its own.

    Raises ``NotPermitted``, ``ReasonMissing``, ``ApprovalMissing`` (then ``ask_to_drop``), ``UndoGone``,
    ``RestoreRunning`` or ``SwapBlocked``.
    """
    with _held(restore, actor=actor, reason=reason) as row:
        _require_kept(row)
        with transaction.atomic():
            if environment_of(row.target) == Environment.PRODUCTION:
                approvals.require(DROP, actor=actor, what=_drop_what(row))
            _drop(row, actor=actor, reason=reason)
        return row


def ask_to_drop(restore: Restore, *, actor: Actor, reason: str) -> Approval:
    """Ask a second person to let the kept database go. Raises ``NotPermitted``, ``ReasonMissing`` or ``UndoGone``."""
    actor.require(PERMISSION)
    _require_kept(restore)
    until = f", kept until {restore.kept_until:%Y-%m-%d %H:%M} UTC" if restore.kept_until else ""
    summary = f'Drop "{restore.kept_database}" for good ({restore}{until}). Nothing can be undone after that.'
    what = _drop_what(restore)
    return approvals.request(DROP, actor=actor, target=restore.target, what=what, summary=summary, reason=reason)


def _drop_what(restore: Restore) -> dict[str, str]:
    return {"restore": str(restore.uuid), "database": restore.kept_database}


def _require_kept(restore: Restore) -> None:
    if restore.swap not in KEPT or not restore.kept_database:
        raise UndoGone(f"Nothing is kept: {_why_not(restore)}.")


def _drop(restore: Restore, *, actor: Actor, reason: str) -> None:
    """By name and oid: a database that somebody renamed or made anew is not ours to drop."""
    kept = restore.kept_database
    with renaming(restore) as conn:
        if name_of(conn, restore.former_oid if restore.swap == SwapState.SWAPPED else restore.restored_oid) == kept:
            _drop_unlocked(restore, conn, kept)
    facts = {"database": kept, "was": str(restore.swap)}
    with transaction.atomic():
        note(restore, swap=SwapState.DROPPED, kept_database="", kept_until=None)
        ledger.append(DROP, actor=actor, obj=restore, target=restore.target, reason=reason, **facts)


def _drop_unlocked(restore: Restore, conn: psycopg.Connection, kept: str) -> None:
    """A database that was under the policy lockdown brings its second lock along: that one is tovgov's to take off.
    What else holds a database still refuses."""
    try:
        databases.drop(conn, kept)
    except DatabaseBusy:
        there = targets.maintenance(restore.target).to(kept)
        with connect(there) as inside, own_acts.noted(restore.target, inside, of=restore):
            inside.execute(queries.load("protection/second_lock_remove"))
        databases.drop(conn, kept)


def drop_expired() -> list[Restore]:
    """Drop former databases whose date has passed (called once a minute). One that cannot be dropped raises an alert
    and is tried again."""
    actor = Actor.system("retention")
    due = Restore.objects.filter(swap__in=KEPT, kept_until__lt=timezone.now()).exclude(kept_database="")
    dropped = []
    for restore in due.select_related("target", "backup"):
        fingerprint = f"restore-{restore.pk}"
        try:
            with exclusively(restore.target):
                restore.refresh_from_db()
                settle(restore, actor=actor)
                _require_kept(restore)
                _drop(restore, actor=actor, reason="Its date has passed.")
        except RestoreRunning:
            continue
        except TovgovError as error:
            title = f'{restore.target}: "{restore.kept_database}" could not be dropped. {error.message}'
            alerts.alert("restore.kept", fingerprint=fingerprint, title=title, target=restore.target, actor=actor)
        else:
            dropped.append(restore)
            alerts.resolve("restore.kept", fingerprint=fingerprint, actor=actor)
    return dropped
