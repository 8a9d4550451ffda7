"""Restores of a protected database: its delete log is imported before it is put aside, and what came into service is
verified."""

from __future__ import annotations

from collections.abc import Callable

from audit import registry
from audit.actors import Actor
from audit.exceptions import TovgovError
from audit.models import Protection
from audit.progress import Progress
from audit.protection import verify
from audit.protection.rule import Status
from backups.models import Restore
from backups.restore.case import Case

ACTOR = Actor.system("restore")
TOLD = 20


def keep_delete_log(case: Case, progress: Progress) -> None:
    """Import what waits in the live database's delete log. What cannot be imported stays in the former database; it
    never keeps a restore from going on."""
    if not case.replaces or not Protection.objects.filter(target=case.target, policy__isnull=False).exists():
        return
    progress.phase("Import the delete log")
    try:
        registry.import_log(case.target)
    except TovgovError as error:
        progress.log(f"The delete log was not imported; it is in the former database. {error.message}")


def say_what_is_missing(restore: Restore, *, say: Callable[[str], None]) -> None:
    """Say what of its policy the database that came into service lacks."""
    if not Protection.objects.filter(target=restore.target, policy__isnull=False).exists():
        return
    try:
        findings = verify.verify(restore.target, actor=ACTOR)
    except TovgovError as error:
        say(f"Its protection could not be looked at: {error.message}")
        return
    wrong = [finding for finding in findings if finding.status is not Status.INSTALLED]
    for finding in wrong[:TOLD]:
        say(f"Protection: {finding.object} is {finding.status}. {finding.detail} {finding.hint}".strip())
    if wrong:
        say(f"{len(wrong)} objects of its policy are not as they must be: install the policy again.")
    else:
        say("It is protected as before: every object of its policy stands.")
