"""The guards of a restore, one function each: it raises the named error, or returns a remark ("" when all is well).

They are asked when somebody asks for a restore, and again by the worker just before the swap: live may have changed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db.models import Q

from audit.exceptions import ApprovalMissing, TovgovError, UsageError
from backups.exceptions import (
    BackupNotUsable,
    CountingTooLong,
    DatabaseStillThere,
    DryRunMissing,
    LossGrew,
    LowerIntoHigher,
    NameNotTyped,
    NoMaintenance,
    NotEnoughDisk,
    ServerTooOld,
    WouldLoseRows,
    WrongBackup,
)
from backups.models import CopyState, Level, Restore, RestoreMode
from backups.restore.case import Case
from backups.restore.compare import TableComparison, losses
from backups.restore.environment import source_environment

ROOM = 1.2  # a side database takes the size of the backed up one, and something to work with
GROWTH = 1.1  # an approved loss may grow by so much until the swap, because live goes on


# --- on paper -----------------------------------------------------------------------------------------------------


def usable(case: Case) -> str:
    """The backup has succeeded, has a good copy, and is not known to be damaged."""
    backup = case.backup
    if backup.state != "succeeded" or backup.removed_at is not None:
        raise BackupNotUsable(f"{backup} has not succeeded or was removed.")
    if not backup.copies.filter(state=CopyState.STORED).exists():
        raise BackupNotUsable(f"{backup} has no good copy in any destination.")
    if backup.damaged_at is not None:
        raise BackupNotUsable(f"{backup} failed a verification on {backup.damaged_at:%Y-%m-%d %H:%M} UTC.")
    if backup.level < Level.PROVED:
        return "This backup is not proved yet; it is proved on the way, before anything is changed."
    return ""


def own_backup(case: Case) -> str:
    """Replace, recover and merge take backups of this very target and database only."""
    if case.is_copy:
        return ""
    if case.backup.target_id != case.target.pk:
        raise WrongBackup(f"This is a backup of {case.backup.target}, not of {case.target}.")
    if case.backup.database != case.target.database:
        raise WrongBackup(
            f'This is a backup of the database "{case.backup.database}"; {case.target} is "{case.target.database}".'
        )
    if case.target.is_identified and case.backup.system_identifier != case.target.system_identifier:
        return "The backup was made on another server; the target's identity was confirmed anew since."
    return ""


def environment(case: Case) -> str:
    """Data moves downwards only. What comes home to the database it was taken from has not moved: a target that was
    registered wrongly, or was promoted, still gets its own rows back."""
    source, goal = source_environment(case.backup, case.manifest), case.environment
    if source.rank >= goal.rank:
        return ""
    if _comes_home(case):
        return f"The backup was made when this database was registered as {source.label.lower()}."
    raise LowerIntoHigher(f"A backup of {source.label.lower()} is never restored into {goal.label.lower()}.")


def _comes_home(case: Case) -> bool:
    backup, target = case.backup, case.target
    ours = (target.pk, target.system_identifier, target.pinned_database)
    return target.is_identified and (backup.target_id, backup.system_identifier, backup.database) == ours


def another_target(case: Case) -> str:
    """Copy to is for another target; over its own there is Replace with all its guards."""
    if case.is_copy and case.backup.target_id == case.target.pk:
        raise WrongBackup(f"{case.target} is where this backup comes from.", hint="Use Replace, Merge or Recover.")
    return ""


def typed_name(case: Case) -> str:
    """On production the exact name of the database is typed by whoever replaces it."""
    if case.needs_typed_name and case.typed_name != case.target.database:
        raise NameNotTyped(f'To go on, type the name of the database exactly: "{case.target.database}".')
    return ""


def second_person(case: Case) -> str:
    """A restore that came to need an approval after it was asked for (its target is production by now) has none."""
    if case.needs_approval and case.is_approved is False:
        raise ApprovalMissing(f"{case.target} is production by now, and nobody has approved this restore.")
    return ""


def runs_dry(case: Case) -> str:
    """Only a merge is run dry as a job; of the others the preview shows what would happen."""
    if case.dry_run and case.mode != RestoreMode.MERGE:
        raise UsageError(
            f"Only a merge can be run dry, not a {case.mode}.", hint="Look at the preview: it changes nothing either."
        )
    return ""


def maintenance(case: Case) -> str:
    """A database cannot be renamed from within."""
    if case.target.maintenance_database == case.target.database:
        raise NoMaintenance(f'The maintenance database of {case.target} is "{case.target.database}" itself.')
    return ""


def planned(case: Case) -> str:
    """A merge was run dry before, for the same backup and tables."""
    if case.mode != RestoreMode.MERGE or case.dry_run or dry_run_of(case) is not None:
        return ""
    raise DryRunMissing


def dry_run_of(case: Case) -> Restore | None:
    """The last finished dry run of the same merge."""
    same = Q(backup=case.backup, target=case.target, mode=RestoreMode.MERGE, dry_run=True, state="succeeded")
    runs = Restore.objects.filter(same).order_by("-finished_at")
    return next((run for run in runs if sorted(run.merge_tables) == sorted(case.tables)), None)


# --- on the server ------------------------------------------------------------------------------------------------


def identity(case: Case) -> str:
    """The database is the pinned one (WrongName, WrongServer, WrongIncarnation), or for a recovery, it is gone."""
    seen = case.seen
    if case.mode == RestoreMode.RECOVER and seen.database is not None:
        raise DatabaseStillThere(f'There is a database named "{case.target.database}" on the server.')
    return ""


def server_version(case: Case) -> str:
    """A server takes what an older one or its equal gave."""
    ours, theirs = case.seen.server.server_version // 10_000, case.manifest.server_version // 10_000
    if ours < theirs:
        raise ServerTooOld(f"The backup was made on PostgreSQL {theirs}; this server is PostgreSQL {ours}.")
    return f"From PostgreSQL {theirs} to {ours}." if ours > theirs else ""


def disk(case: Case) -> str:
    """A second database fits beside the first."""
    free, needed = case.seen.free_bytes, needed_bytes(case)
    if free is None:
        return f"Free disk on the server is UNKNOWN; about {needed:,} bytes are needed."
    if free < needed:
        raise NotEnoughDisk(f"{needed:,} bytes are needed beside the database; {free:,} are free.", free=free)
    return ""


def needed_bytes(case: Case) -> int:
    """Disk that a side database takes on the server, about."""
    return int((case.manifest.database_bytes or 0) * ROOM)


def attached(case: Case) -> str:
    """What hangs on the live database and does not come along is said before, not found out after."""
    if not case.replaces or not case.seen.attached:
        return ""
    return f"Mind: {'; '.join(case.seen.attached)}."


def loss(case: Case) -> str:
    """No table has fewer rows afterwards, beyond the share that is set, unless an approver allows it."""
    if not case.replaces:
        return ""
    try:
        lost = lost_tables(case)
    except CountingTooLong as error:
        return f"{error.message} The worker counts, and refuses then."
    if lost and not case.override_loss:
        raise WouldLoseRows(loss_sentence(lost), tables=[table.as_dict() for table in lost])
    _require_approved_size(case, lost)
    return f"An approver allows this loss: {loss_sentence(lost)}" if lost else ""


def _require_approved_size(case: Case, lost: list[TableComparison]) -> None:
    """What an approver has allowed is a number of rows, not any loss whatever comes."""
    if case.approved_losses is None:
        return
    for table in lost:
        allowed = case.approved_losses.get(table.table, 0)
        if table.lost > allowed * GROWTH:
            raise LossGrew(f"{table.table} would lose {table.lost:,} rows; {allowed:,} were approved.")


def lost_tables(case: Case) -> list[TableComparison]:
    return losses(case.comparison, float(settings.TOVGOV_LOSS_SHARE))


def loss_sentence(lost: list[TableComparison]) -> str:
    """The loss in words: how many rows of which tables, up to five by name."""
    named = ", ".join(f"{table.table} {table.live} → {table.backup or 0}" for table in lost[:5])
    more = f" and {len(lost) - 5} more tables" if len(lost) > 5 else ""
    return f"{sum(table.lost for table in lost):,} rows would be lost: {named}{more}."


Guard = Callable[[Case], str]
ON_PAPER: tuple[Guard, ...] = (
    runs_dry, usable, own_backup, another_target, environment, maintenance, planned, typed_name,
)  # fmt: skip
ON_SERVER: tuple[Guard, ...] = (identity, server_version, disk, attached, loss)
BEFORE_SWAP: tuple[Guard, ...] = (
    runs_dry, usable, own_backup, another_target, environment, second_person, maintenance, identity, server_version,
    loss,
)  # fmt: skip


def check(case: Case, guards: tuple[Guard, ...] = (*ON_PAPER, *ON_SERVER)) -> list[str]:
    """Ask the guards in turn; remarks of those that let pass. Raises the first refusal."""
    return [remark for guard in guards if (remark := guard(case))]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one guard says: pass, remark, refuse, or unknown (it could not look)."""

    guard: str
    status: str
    message: str = ""
    hint: str = ""
    code: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


def findings(case: Case) -> list[Finding]:
    """What every guard says, none hidden by the one before; those behind a server that cannot be asked are unknown."""
    found = [_ask(guard, case) for guard in (*ON_PAPER, identity)]
    rest = [guard for guard in ON_SERVER if guard is not identity]
    if found[-1].status == "refuse" and found[-1].code != DatabaseStillThere.code:
        return found + [Finding(guard.__name__, "unknown", "The server could not be asked.") for guard in rest]
    return found + [_ask(guard, case) for guard in rest]


def _ask(guard: Guard, case: Case) -> Finding:
    try:
        remark = guard(case)
    except TovgovError as error:
        return Finding(guard.__name__, "refuse", error.message, error.hint, error.code, error.detail)
    return Finding(guard.__name__, "remark" if remark else "pass", remark)
