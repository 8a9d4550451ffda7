"""What the people of the demo do in tovgov, through the verbs that the admin calls; started workers do the work."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from django_q.tasks import async_task

from audit import approvals
from audit.exceptions import Refusal
from audit.models import Alert, Approval, Target
from backups import create, schedules, verify
from backups.models import Backup, Level, Restore, RestoreMode, Schedule, Verification
from backups.restore import request, undo
from tovgov.demo.exceptions import NotProved, StorySpoiled
from tovgov.demo.stage import Stage
from tovgov.demo.theatre import Theatre

NOTICE_SECONDS = 30.0
T = TypeVar("T")
Content = dict[str, tuple[int, str]]
"""Rows and content hash a table."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """One thing that went wrong and was mended: a line of the demo's last table."""

    what: str
    rows_before: int
    rows_damaged: int
    rows_after: int
    rto_seconds: float
    rpo_seconds: float | None
    swap_milliseconds: float | None
    backup_bytes: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Acts:
    """The people, the target and the stage; what they do is shown as it happens."""

    def __init__(self, stage: Stage, house: Theatre, target: Target) -> None:
        self.stage, self.club, self.target = stage, house.club, target
        self.staff, self.approver = house.people["staff"].actor, house.people["approver"].actor

    # --- backups ---------------------------------------------------------------------------------------------------

    def back_up(self, reason: str) -> Backup:
        """A staff member asks for a backup; a worker makes it."""
        backup = create.request(self.target, actor=self.staff, reason=reason)
        return self.stage.follow(backup, actor=self.staff)

    def prove(self, backup: Backup) -> Verification:
        """Restore it into a scratch database and compare every count and hash. Raises ``NotProved``."""
        verification = self.stage.follow(verify.request(backup, Level.PROVED, actor=self.staff), actor=self.staff)
        backup.refresh_from_db()
        if backup.level != Level.PROVED:
            raise NotProved(f"{backup} is not proved.")
        return verification

    def schedule(self) -> Schedule:
        """From now on a backup every six hours, each proved."""
        schedule = schedules.every(self.target, 6, actor=self.staff)
        self.stage.good(f"A schedule: every 6 hours, proved each time; next at {schedule.next_run_at:%H:%M} UTC.")
        return schedule

    # --- restores --------------------------------------------------------------------------------------------------

    def restore(self, backup: Backup, mode: RestoreMode, *, reason: str, **options: Any) -> Restore:
        """Staff asks, the approver decides where a second person is needed, a worker restores."""
        asked = {"mode": str(mode), "reason": reason, **options}
        if not options.get("dry_run"):
            self._decide(request.ask_approval(backup, self.target, actor=self.staff, **asked))
        if mode != RestoreMode.MERGE:
            asked["typed_name"] = self.club.database
        restore = request.request(backup, self.target, actor=self.staff, **asked)
        self.stage.follow(restore, actor=self.staff)
        self.target.refresh_from_db()
        return restore

    def refused_restore(self, backup: Backup, *, reason: str) -> Refusal:
        """Staff asks for a restore that must be refused; how it is. Raises ``StorySpoiled`` when it is not."""
        try:
            request.ask_approval(backup, self.target, actor=self.staff, mode=str(RestoreMode.REPLACE), reason=reason)
        except Refusal as error:
            self.stage.refused(error)
            return error
        raise StorySpoiled("A restore that loses rows was not refused.")

    def undo(self, restore: Restore) -> None:
        """Put the former database back into service."""
        undo.undo(restore, actor=self.staff, reason="To show that nothing is lost by a swap.")

    def redo(self, restore: Restore) -> None:
        """Put the restored database back into service."""
        undo.redo(restore, actor=self.staff, reason="The restored one is the right one.")

    def _decide(self, approval: Approval) -> None:
        approvals.approve(approval, actor=self.approver, note="Seen and agreed.")
        self.stage.asked(f"{self.staff.name} asks, {self.approver.name} approves: {approval.summary}")

    def show_loss(self, backup: Backup) -> None:
        """Live against backup, table by table, as the restore's page shows it before anybody decides."""
        seen = request.preview(backup, self.target, str(RestoreMode.REPLACE), actor=self.staff)
        tables = sorted(seen.comparison or [], key=lambda one: one.table)
        rows = [(one.name, one.live, one.backup, one.difference, one.what) for one in tables]
        self.stage.table(("Table", "Live", "Backup", "Difference", ""), rows)

    # --- what tovgov notices ---------------------------------------------------------------------------------------

    def notice(self) -> Alert:
        """A worker looks at every target, as it does each minute; the alarm that it raises about ours."""
        async_task("audit.tasks.confirm_targets")
        alarm = wait_for(self._open_alarm, "tovgov did not notice what happened.")
        self.stage.alarm(alarm.title)
        return alarm

    def _open_alarm(self) -> Alert | None:
        return Alert.objects.filter(target=self.target, kind="target.identity", resolved_at=None).first()

    # --- the demo's own eyes ---------------------------------------------------------------------------------------

    def require_same(self, before: Content) -> Content:
        """What is there now, when it equals ``before`` in every count and hash. Raises ``NotProved``."""
        now = self.club.fingerprint()
        differing = [table for table in before if before[table] != now[table]]
        if differing:
            raise NotProved(f"The demo's own comparison differs in {', '.join(differing)}.")
        self.stage.good(
            f"The demo's own count and hash of all {len(now)} tables: {total(now):,} rows, every one equal."
        )
        return now

    def require_same_properties(self, before: dict[str, Any]) -> None:
        """Owner, grants, settings and comment of the database are what they were. Raises ``NotProved``."""
        now = self.club.properties()
        differing = [
            f"{name} was {before[name]}, is {now.get(name)}" for name in before if before[name] != now.get(name)
        ]
        if differing:
            raise NotProved(f"Not all that belongs to the database came back: {'; '.join(differing)}.")
        self.stage.good(f"Owner {before['owner']}, grants and settings of the database came along.")

    def recovery(self, what: str, restore: Restore, before: Content, damaged: int) -> Recovery:
        """The line of the last table."""
        return Recovery(
            what=what,
            rows_before=total(before),
            rows_damaged=damaged,
            rows_after=total(self.club.fingerprint()),
            rto_seconds=round(restore.rto_seconds or 0, 2),
            rpo_seconds=restore.rpo_seconds,
            swap_milliseconds=restore.swap_milliseconds if restore.mode == RestoreMode.REPLACE else None,
            backup_bytes=restore.backup.stored_bytes or 0,
        )


def total(content: Content) -> int:
    """Rows of all tables."""
    return sum(rows for rows, _ in content.values())


def wait_for(look: Callable[[], T | None], otherwise: str, *, seconds: float = NOTICE_SECONDS) -> T:
    """What ``look`` finds, as soon as it finds it. Raises ``StorySpoiled``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found is not None:
            return found
        time.sleep(0.1)
    raise StorySpoiled(otherwise)
