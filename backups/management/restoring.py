"""What the commands ``restore`` and ``recover`` share: preview, asking for an approval, the job, and how it went."""

from __future__ import annotations

import argparse
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from audit.actors import Actor
from audit.exceptions import ApprovalMissing, ExitStatus
from audit.management.base import TovgovCommand
from audit.models import Target
from backups import tasks
from backups.models import Backup, Restore, RestoreMode
from backups.restore.request import Preview, ask_approval, preview, request

SIGNS = {"pass": "ok", "remark": "note", "refuse": "REFUSED", "unknown": "UNKNOWN"}


class RestoringCommand(TovgovCommand):
    """Base of both commands."""

    def restoring_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Options of every kind of restore."""
        self.common(parser)
        self.job_arguments(parser)
        parser.add_argument("--reason", default="", help="why; kept in the ledger")
        parser.add_argument("--typed-name", default="", metavar="NAME", help="on production: the database's exact name")
        parser.add_argument("--dry-run", action="store_true", help="show what would happen and who would say no")

    def act(self, backup: Backup, target: Target, mode: RestoreMode, options: dict[str, Any], **more: Any) -> None:
        """Preview it, or ask for it, run it and show how it went."""
        actor = self.actor(options)
        more["typed_name"] = options["typed_name"]
        if options["dry_run"] and mode != RestoreMode.MERGE:
            self._preview(backup, target, mode, options, actor, more)
            return
        more["dry_run"] = options["dry_run"]
        try:
            restore = request(backup, target, actor=actor, mode=mode, reason=options["reason"], **more)
        except ApprovalMissing:
            approval = ask_approval(backup, target, actor=actor, mode=mode, reason=options["reason"], **more)
            raise ApprovalMissing(
                f"Approval {approval.pk} is {approval.get_state_display().lower()}: {approval.summary}",
                hint="When an approver other than you has decided, run the same command again.",
                approval=approval.pk,
            ) from None
        self.run_job(restore, tasks.run_restore, options, actor=actor)
        restore.refresh_from_db()
        self.emit(options, facts(restore), in_words(restore))

    def _preview(
        self, backup: Backup, target: Target, mode: str, options: dict[str, Any], actor: Actor, more: dict[str, Any]
    ) -> None:
        shown = preview(backup, target, mode, actor=actor, **more)
        self.emit(options, shown.as_dict(), self.picture(shown))
        if shown.refusals:
            raise SystemExit(int(ExitStatus.REFUSED))

    def picture(self, shown: Preview) -> RenderableType:
        """A preview for a person: what would happen, table by table, and what each guard says."""
        parts: list[RenderableType] = [Text(line) for line in shown.steps]
        if shown.comparison is not None:
            lines = [
                (t.table, _count(t.live), _count(t.backup), f"{t.difference:+,}", t.what) for t in shown.comparison
            ]
            parts.append(self.table(("Table", "Live", "Backup", "Difference", ""), lines))
        said = [(SIGNS[f.status], f.guard.replace("_", " "), f.message) for f in shown.findings]
        parts.append(self.table(("", "Guard", ""), said))
        if shown.needs_approval:
            state = shown.approval.get_state_display().lower() if shown.approval else "not asked for yet"
            parts.append(Text(f"A second person must approve it: {state}."))
        return Group(*parts)


def _count(rows: int | None) -> str:
    return "none" if rows is None else f"{rows:,}"


def facts(restore: Restore) -> dict[str, Any]:
    """A restore as ``--json`` prints it."""
    names = ("mode", "state", "dry_run", "swap", "swap_milliseconds", "rto_seconds", "rpo_seconds", "rows_before",
             "rows_after", "kept_database", "kept_until", "proved_at", "phases", "plan", "comparison")  # fmt: skip
    return {
        "restore": restore.pk,
        "backup": restore.backup.name,
        "target": restore.target.name,
        "proved": bool(restore.proof.get("holds")),
        **{name: getattr(restore, name) for name in names},
    }


def in_words(restore: Restore) -> str:
    """How a restore ended."""
    if restore.is_open:
        return f"restore-{restore.pk} is {restore.get_state_display().lower()}."
    if restore.mode == RestoreMode.MERGE:
        done = "would come back" if restore.dry_run else "are back"
        return f"{restore.plan.get('insert', 0):,} rows {done}, {restore.plan.get('left_out', 0):,} stay out."
    words = f"{restore.rows_after or 0:,} rows proved and in service after {restore.rto_seconds or 0:.1f} s."
    if restore.kept_database:
        words += f' The former database is kept as "{restore.kept_database}"; undo with: restore undo {restore.pk}'
    return words
