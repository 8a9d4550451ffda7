"""``manage.py verify``: is a backup what it says it is?"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from audit.management.base import TovgovCommand
from backups import self_test, tasks, verify
from backups.lookup import find_backup, find_copy
from backups.models import Backup, Level, Verification

LEVELS = {level.name.lower(): level for level in (Level.STORED, Level.READABLE, Level.PROVED)}


class Command(TovgovCommand):
    help = "Verify a backup: read back, decode, or restore and compare. Exit status 5 when it is not what it should be."

    def add_arguments(self, parser: CommandParser) -> None:
        self.common(parser)
        self.job_arguments(parser)
        parser.add_argument("backup", help="its number, its name, or latest:TARGET")
        parser.add_argument("--level", choices=list(LEVELS), default="proved")
        parser.add_argument("--copy", metavar="DESTINATION", help="the copy there; else the nearest good one")
        parser.add_argument(
            "--self-test",
            action="store_true",
            help="damage the bytes that are read in many ways and demand that each is found; what is stored stays",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        backup, actor = find_backup(options["backup"]), self.actor(options)
        if options["self_test"]:
            tested = self_test.self_test(backup, actor=actor)
            self.emit(options, tested, f"All {tested['cases']} damaged copies were found damaged.")
            return
        copy = find_copy(backup, options["copy"]) if options["copy"] else None
        verification = verify.request(backup, LEVELS[options["level"]], actor=actor, copy=copy)
        self.run_job(verification, tasks.run_verification, options, actor=actor)
        verification.refresh_from_db()
        self.emit(options, _facts(verification), _in_words(backup, verification))


def _facts(verification: Verification) -> dict[str, Any]:
    return {
        "verification": verification.pk,
        "backup": verification.backup.name,
        "state": verification.state,
        "reached": Level(verification.reached).label,
        "result": verification.result,
    }


def _in_words(backup: Backup, verification: Verification) -> str:
    if verification.is_open:
        return f"verification-{verification.pk} is {verification.get_state_display().lower()}."
    return f"{backup.name} is {Level(verification.reached).label.lower()}."
