"""``manage.py backup``: back a target up now."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandParser

from audit.lookup import find_target
from audit.management.base import TovgovCommand
from audit.models import JobState
from backups import catalogue, create, tasks
from backups.exceptions import ProofNotStarted
from backups.lookup import find_destination
from backups.models import Backup, BackupKind, Verification

KINDS = (BackupKind.MANUAL, BackupKind.SCHEDULED, BackupKind.BEFORE_DEPLOYMENT)


class Command(TovgovCommand):
    help = "Back a target up: dump, hash, encrypt, sign, copy, read back. Runs in this process unless --queue is given."

    def add_arguments(self, parser: CommandParser) -> None:
        self.common(parser)
        self.job_arguments(parser)
        parser.add_argument("target", help="the target's name")
        parser.add_argument("--kind", choices=[str(kind) for kind in KINDS], default=str(BackupKind.MANUAL))
        parser.add_argument("--reason", default="", help="kept in the ledger")
        parser.add_argument("--to", action="append", default=[], metavar="DESTINATION", help="only there; repeatable")
        parser.add_argument("--prove", action="store_true", help="restore it into a scratch database and compare")

    def handle(self, *args: Any, **options: Any) -> None:
        actor = self.actor(options)
        backup = create.request(
            find_target(options["target"]),
            actor=actor,
            kind=BackupKind(options["kind"]),
            reason=options["reason"],
            destinations=[find_destination(name) for name in options["to"]],
            prove=options["prove"],
        )
        self.run_job(backup, tasks.run_backup, options, actor=actor)
        if backup.state == JobState.SUCCEEDED and options["prove"]:
            self.run_job(_proof_of(backup), tasks.run_verification, options, actor=actor)
        backup.refresh_from_db()
        self.emit(options, catalogue.describe(backup), _in_words(backup))


def _proof_of(backup: Backup) -> Verification:
    """The verification that follows a backup; a worker asks for it a moment after the backup's end."""
    for _ in range(100):
        found: Verification | None = backup.verifications.order_by("pk").first()
        if found is not None:
            return found
        time.sleep(0.1)
    raise ProofNotStarted


def _in_words(backup: Backup) -> str:
    if backup.state != JobState.SUCCEEDED:
        return f"backup-{backup.pk} is {backup.get_state_display().lower()}."
    facts = catalogue.describe(backup)
    return (
        f"{backup.name}\n{facts['tables']} tables, {facts['rows']:,} rows, {facts['stored_bytes'] / 1e6:,.1f} MB, "
        f"{facts['copies']} copies, {facts['level'].lower()}."
    )
