"""What the workers run: thin tasks that call one verb."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack

from audit import approvals, clients, jobs, looks, losses, partitions, registry, targets, timeline
from audit.action_items import reminders
from audit.actors import Actor
from audit.anomalies import run
from audit.evidence import ask as evidence
from audit.exceptions import TovgovError
from audit.exports import request as exports
from audit.imports import connection_watch, schedule
from audit.imports.perform import perform as perform_import
from audit.imports.retention import work as retention
from audit.imports.server_logs import words
from audit.models import (
    AuditImport,
    EvidencePack,
    Export,
    JobState,
    LossCount,
    ProtectionRun,
    PublicationPlace,
    RunKind,
    SealVerification,
    Undelete,
)
from audit.notifications import deliver
from audit.progress import Progress
from audit.protection import drift, install, uninstall, windows
from audit.protection.attack import request
from audit.reports import access, mail, schedules
from audit.seals import checkpoints, publication
from audit.seals import request as seal_verification
from audit.undelete.perform import perform as perform_undelete

logger = logging.getLogger(__name__)


def tick() -> None:
    """Once a minute: bury dead jobs, keep room in the logs, expire approvals, whatever the other apps registered,
    and look at every target. One that fails does not keep the next from running."""
    with ExitStack() as acts:  # a bug in one propagates, after the others have run
        ours: list[Callable[[], object]] = [
            confirm_targets,
            windows.relock_due,
            drift.watch,
            connection_watch.watch,
            clients.learn,
            schedule.watch,
        ]
        ours += [
            exports.expire,
            looks.forget,
            evidence.expire,
            schedules.start_due,
            mail.tend,
            access.watch,
            checkpoints.watch,
            publication.watch,
            run.wake,
            deliver.tend,
            retention.wake,
            words.wake,
            timeline.watch,
            reminders.tend,
        ]
        for act in reversed([jobs.reap, partitions.look_after, approvals.expire, *registry.ticks, *ours]):
            acts.callback(_run, act)


def _run(act: Callable[[], object]) -> None:
    try:
        act()
    except TovgovError as error:
        logger.error("%s: %s %s", error.code, error.message, error.hint)


def confirm_targets() -> None:
    """Confirm the identity of every target; outcomes are noted on each and alerts raised."""
    targets.confirm_all(actor=Actor.system("worker"))


def run_protection(pk: int) -> None:
    """Run a queued installation or removal of a policy."""
    jobs.run(ProtectionRun, pk, _perform_protection)


def _perform_protection(run: ProtectionRun, progress: Progress) -> None:
    verbs = {
        RunKind.INSTALL: install.perform,
        RunKind.UNINSTALL: uninstall.perform,
        RunKind.ATTACK: request.perform,
    }
    verbs[RunKind(run.kind)](run, progress)


def run_import(pk: int) -> None:
    """Run a queued import; when more waits than one import brings the next one follows at once."""
    jobs.run(AuditImport, pk, perform_import)
    row = AuditImport.objects.select_related("source__target").get(pk=pk)
    if row.state == JobState.SUCCEEDED and not row.source.position.get("caught_up", True):
        schedule.look_again(row.source)


def run_undelete(pk: int) -> None:
    """Run a queued undelete or its dry run."""
    jobs.run(Undelete, pk, perform_undelete)


def run_export(pk: int) -> None:
    """Write a queued export."""
    jobs.run(Export, pk, exports.perform)


def count_loss(pk: int) -> None:
    """Count a target and compute what an incident lost."""
    jobs.run(LossCount, pk, losses.perform)


def run_evidence(pk: int) -> None:
    """Build a queued evidence pack."""
    jobs.run(EvidencePack, pk, evidence.perform)


def run_seal_verification(pk: int) -> None:
    """Read every sealed entry of a target again."""
    jobs.run(SealVerification, pk, seal_verification.perform)


def publish_checkpoints(pk: int) -> None:
    """Bring what waits to a place now, or the newest checkpoint once more."""
    place = PublicationPlace.objects.filter(pk=pk).first()
    if place is not None:
        publication.publish(place, now=True, again=True)


def send_reports() -> None:
    """Send the mails of reports whose file is there."""
    mail.send_due()


def send_notifications() -> None:
    """Send what is to be told of alerts."""
    deliver.send_due()


def send_reminders() -> None:
    """Send the mails that remind of action items."""
    reminders.send_due()


def run_anomalies() -> None:
    """Run the anomaly rules over what is new."""
    run.run_all()


def retire_entries() -> None:
    """Retire imported entries that are older than their sources keep them."""
    retention.retire_due()


def note_log_words() -> None:
    """Note the words of new entries of server logs, for the search."""
    words.note()
