"""What to do next with a target: one sentence and one link, worst trouble first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils import timezone

from audit.admin.base import act_url
from audit.exceptions import DatabaseMissing, NotIdentified, SentinelFailed, WrongIncarnation
from audit.models import JobState, Severity
from audit.templatetags import format as words
from backups.admin.restore_form import restore_url
from backups.models import Restore

if TYPE_CHECKING:
    from tovgov.dashboard import Card

LATE = timedelta(minutes=15)
STALE = timedelta(hours=36)
"""A proof older than this is worth renewing."""

UNREVIEWED = timedelta(days=3)
"""What nobody has looked at for so long is a warning."""

GONE = {DatabaseMissing.code, WrongIncarnation.code}


class Tone(Enum):
    """How much it matters."""

    GOOD = "good"
    INFO = "info"
    WARN = "warn"
    BAD = "bad"

    @property
    def weight(self) -> int:
        """3 for bad down to 0 for good."""
        return list(Tone).index(self)


@dataclass(frozen=True, slots=True)
class Step:
    """A sentence, and where to go; the link is empty when there is nothing to press or the person may not."""

    sentence: str
    tone: Tone
    label: str = ""
    url: str = ""


def next_step(card: Card, user: Any) -> Step:
    """The most useful thing to do now for this card's target."""
    for judge in (_identity, _open_job, _failures, _alarm, _proof, _schedule, _copies, _reviews, _undo):
        step = judge(card, user)
        if step is not None:
            return step
    when = f" The next backup is due {words.ago(card.next_run)}." if card.next_run else ""
    return Step(f"Nothing to do.{when}", Tone.GOOD)


def _page(obj: Any) -> str:
    return reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_change", args=[obj.pk])


def _offer(user: Any, permission: str, sentence: str, tone: Tone, label: str, url: str) -> Step:
    return Step(sentence, tone, label, url) if user.has_perm(permission) else Step(sentence, tone)


def _identity(card: Card, user: Any) -> Step | None:
    target, code = card.target, card.target.check_error_code
    if isinstance(card.running, Restore):
        return None  # somebody is mending it already: the next step is to watch
    if code in GONE and card.proved:
        what = "is gone" if code == DatabaseMissing.code else "was dropped and made again"
        mode = "recover" if code == DatabaseMissing.code else "replace"
        sentence = f"The database {what}. It was proved {words.ago(card.proved.level_at)} and can be brought back."
        url = restore_url(card.proved, mode)
        return _offer(user, "backups.request_restore", sentence, Tone.BAD, "Recover …", url)
    if code == SentinelFailed.code and card.proved:
        sentence = "Rows are missing. Compare it with the last proved backup before anything else."
        url = restore_url(card.proved, "replace")
        return _offer(user, "backups.request_restore", sentence, Tone.BAD, "Compare …", url)
    if code and code != NotIdentified.code:
        return Step(f"The last check failed: {target.check_error}", Tone.BAD, "Open", _page(target))
    if not target.is_identified:
        sentence = "Test the connection; its identity is pinned with the first good answer."
        return _offer(
            user, "audit.test_target", sentence, Tone.WARN, "Test connection", act_url(target, "test", target.pk)
        )
    return None


def _open_job(card: Card, user: Any) -> Step | None:
    job = card.running
    if job is None:
        return None
    verb = "runs" if job.state == JobState.RUNNING else "waits for a worker"
    return Step(f"A {job._meta.verbose_name} {verb}.", Tone.INFO, "Watch", _page(job))


def _failures(card: Card, user: Any) -> Step | None:
    attempt = card.attempt
    if attempt is not None and attempt.state == JobState.FAILED:
        return Step(f"The last backup failed: {attempt.error}", Tone.BAD, "See why", _page(attempt))
    if card.newest is not None and card.newest.damaged_at:
        return Step("The newest backup is damaged. Make another one now.", Tone.BAD, "See it", _page(card.newest))
    if card.next_run is not None and card.next_run < timezone.now() - LATE:
        sentence = f"The backup that was due {words.ago(card.next_run)} was not made. Does the worker run?"
        return Step(sentence, Tone.BAD, "Jobs", reverse("admin:jobs"))
    return None


def _proof(card: Card, user: Any) -> Step | None:
    if card.newest is None:
        url = act_url(card.target, "back-up", card.target.pk)
        sentence = "There is no backup yet."
        return _offer(user, "backups.start_backup", sentence, Tone.BAD, "Back up now", url)
    if card.proved is None or _is_stale(card.proved.snapshot_at):
        old = "No backup is proved yet" if card.proved is None else "The last proved backup is old"
        url = act_url(card.newest, "prove", card.newest.pk)
        return _offer(user, "backups.verify_backup", f"{old}: prove the newest one.", Tone.WARN, "Prove it", url)
    return None


def _is_stale(moment: datetime | None) -> bool:
    return moment is None or moment < timezone.now() - STALE


def _schedule(card: Card, user: Any) -> Step | None:
    if card.schedules:
        return None
    url = f"{reverse('admin:backups_schedule_add')}?target={card.target.pk}"
    sentence = "Nothing backs it up by itself: add a schedule."
    return _offer(user, "backups.add_schedule", sentence, Tone.WARN, "Schedule", url)


def _copies(card: Card, user: Any) -> Step | None:
    if card.newest is None or card.copies_stored >= card.copies_wanted:
        return None
    sentence = f"Only {card.copies_stored} of {card.copies_wanted} copies of the newest backup are stored."
    return Step(sentence, Tone.WARN, "See copies", _page(card.newest))


def _alarm(card: Card, user: Any) -> Step | None:
    """A critical alert that nobody has acknowledged or silenced."""
    fresh = [one for one in card.alerts if one.acknowledged_at is None and not one.is_silent()]
    critical = [one for one in fresh if one.severity == Severity.CRITICAL]
    if not critical:
        return None
    many = "A critical alert waits" if len(critical) == 1 else f"{len(critical)} critical alerts wait"
    sentence = f"{many}: see what happened and what to do, then acknowledge."
    return Step(sentence, Tone.BAD, "See it", _page(critical[0]))


def _reviews(card: Card, user: Any) -> Step | None:
    if not card.reviews:
        return None
    review = card.reviews[0]
    waiting = review.waiting
    sentence = f"{review.name} wait for a review: {waiting.unreviewed}, the oldest made {words.ago(waiting.oldest)}."
    late = waiting.oldest is not None and waiting.oldest < timezone.now() - UNREVIEWED
    return Step(sentence, Tone.WARN if late else Tone.INFO, "Review", review.url)


def _undo(card: Card, user: Any) -> Step | None:
    restore = card.undoable
    if restore is None or restore.kept_until is None:
        return None
    sentence = f"It was restored {words.ago(restore.swapped_at)}; the former database is kept, so this can be undone."
    return Step(sentence, Tone.INFO, "Open", _page(restore))
