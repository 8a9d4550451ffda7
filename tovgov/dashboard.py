"""What the admin's home shows: one card a target, what runs, what waits, and what to do next.

The number of queries does not depend on the number of targets.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, F, Min, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.urls import reverse

from audit import jobs
from audit.lists import waiting
from audit.models import (
    Alert,
    Approval,
    ApprovalState,
    Incident,
    Job,
    Protection,
    Target,
)
from backups.models import Backup, BackupCopy, CopyState, Destination, Restore, Schedule, SwapState
from tovgov.advice import Step, Tone, next_step
from tovgov.first_steps import FirstStep, first_steps
from tovgov.needs import REVIEWS, Need, Review, needs_of

TREND = 20
"""So many backups make the small chart."""
INCIDENTS = 6
HEAVY = ("manifest", "log", "phases")


@dataclass
class Card:
    """One target as the dashboard knows it."""

    target: Target
    proved: Backup | None = None
    newest: Backup | None = None
    attempt: Backup | None = None
    running: Job | None = None
    copies_stored: int = 0
    copies_wanted: int = 0
    next_run: datetime | None = None
    schedules: int = 0
    sizes: list[int] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    undoable: Restore | None = None
    reviews: list[Review] = field(default_factory=list)
    step: Step = field(default_factory=lambda: Step("", Tone.GOOD))

    @property
    def protection(self) -> Protection | None:
        """What is installed; None where nothing is."""
        known: Protection | None = getattr(self.target, "protection", None)
        return known if known is not None and known.is_installed else None


@dataclass(frozen=True)
class Dashboard:
    """The whole page."""

    cards: list[Card]
    running: list[Job]
    approvals: list[Approval]
    alerts: list[Alert]
    incidents: list[Incident]
    needs: list[Need]
    first_steps: list[FirstStep]
    verdict: str
    verdict_more: str
    tone: Tone


def gather(user: Any) -> Dashboard:
    """Everything the page needs, for this person."""
    targets = Target.objects.filter(is_active=True).select_related("protection__policy")
    cards = {target.pk: Card(target) for target in targets}
    _fill_backups(cards)
    _fill_schedules(cards)
    running = _running(user)
    for job in running:
        target = jobs.job_target(job)
        if target is not None and target.pk in cards:
            cards[target.pk].running = job
    alerts = list(Alert.objects.filter(resolved_at=None).select_related("target"))
    alerts.sort(key=lambda alert: {"critical": 0, "warning": 1}.get(alert.severity, 2))
    for alert in alerts:
        if alert.target_id in cards:
            cards[alert.target_id].alerts.append(alert)
    _fill_restores(cards)
    _fill_reviews(cards, user)
    for card in cards.values():
        card.step = next_step(card, user)
    ordered = sorted(cards.values(), key=lambda card: (-card.step.tone.weight, -card.target.rank, card.target.name))
    approvals = list(Approval.objects.filter(state=ApprovalState.WAITING).select_related("target"))
    verdict, more, tone = _verdict(ordered)
    loose = [alert for alert in alerts if alert.acknowledged_at is None and not alert.is_silent()]
    steps = first_steps(ordered, Destination.objects.filter(is_active=True).exists(), user)
    incidents = waiting.open_incidents(INCIDENTS) if user.has_perm("audit.view_incident") else []
    reviews = [review for card in cards.values() for review in card.reviews]
    needs = needs_of(user, approvals, loose, reviews)
    return Dashboard(ordered, running, approvals, loose, incidents, needs, steps, verdict, more, tone)


def _newest_per_target(rows: QuerySet[Backup], *order: str) -> dict[int, Backup]:
    found = rows.defer(*HEAVY).order_by("target_id", *order).distinct("target_id")
    return {backup.target_id: backup for backup in found}


def _fill_backups(cards: dict[int, Card]) -> None:
    made = Backup.objects.usable()
    proved = _newest_per_target(made.proved().filter(damaged_at=None), "-snapshot_at")
    newest = _newest_per_target(made, "-snapshot_at")
    attempts = _newest_per_target(Backup.objects.exclude(state="cancelled"), "-queued_at", "-id")
    copies = BackupCopy.objects.filter(backup__in=[backup.pk for backup in newest.values()])
    counts = copies.values_list("backup__target").annotate(
        stored=Count("pk", filter=Q(state=CopyState.STORED)), wanted=Count("pk", filter=~Q(state=CopyState.REMOVED))
    )
    for pk, card in cards.items():
        card.proved, card.newest, card.attempt = proved.get(pk), newest.get(pk), attempts.get(pk)
    for pk, stored, wanted in counts:
        if pk in cards:
            cards[pk].copies_stored, cards[pk].copies_wanted = stored, wanted
    for pk, sizes in _trends().items():
        if pk in cards:
            cards[pk].sizes = sizes


def _trends() -> dict[int, list[int]]:
    """Sizes of the newest backups of each target, oldest first."""
    age = Window(RowNumber(), partition_by=F("target"), order_by=F("snapshot_at").desc())
    rows = Backup.objects.succeeded().filter(database_bytes__isnull=False).annotate(age=age).filter(age__lte=TREND)
    trends: dict[int, list[int]] = defaultdict(list)
    for target, size in rows.order_by("snapshot_at").values_list("target", "database_bytes"):
        trends[target].append(size)
    return trends


def _fill_schedules(cards: dict[int, Card]) -> None:
    enabled = Schedule.objects.filter(is_enabled=True).values_list("target")
    for pk, next_run, count in enabled.annotate(next=Min("next_run_at"), number=Count("pk")).order_by():
        if pk in cards:
            cards[pk].next_run, cards[pk].schedules = next_run, count


def _fill_restores(cards: dict[int, Card]) -> None:
    in_service = Restore.objects.filter(swap=SwapState.SWAPPED, restored_oid=F("target__database_oid"))
    kept = in_service.exclude(kept_database="")  # what was dropped or restored since has no undo
    for restore in kept.defer("comparison", "proof", "plan", "log", "phases").order_by("swapped_at"):
        if restore.target_id in cards:
            cards[restore.target_id].undoable = restore


def _fill_reviews(cards: dict[int, Card], user: Any) -> None:
    for kind, name in REVIEWS:
        stem = kind._meta.model_name
        if not user.has_perm(f"audit.view_{stem}"):
            continue
        url = reverse(f"admin:audit_{stem}_changelist")
        for found in waiting.by_target(kind):
            if found.target_id in cards and found.oldest is not None:
                cards[found.target_id].reviews.append(Review(name, url, found))


def _running(user: Any) -> list[Job]:
    """Open jobs of every kind that this person may see, oldest first."""
    found: list[Job] = []
    for kind in jobs.kinds():
        opts = kind._meta
        if not user.has_perm(f"{opts.app_label}.view_{opts.model_name}"):
            continue
        names = {name.name for name in opts.get_fields()}
        related = [path for path in ("target", "backup__target", "source__target") if path.split("__")[0] in names]
        found += kind._default_manager.filter(state__in=("queued", "running")).select_related(*related)
    return sorted(found, key=lambda job: job.queued_at)


def _verdict(cards: list[Card]) -> tuple[str, str, Tone]:
    """The one sentence that a frightened person reads first."""
    if not cards:
        return "Nothing is protected yet.", "Follow the steps below; the first backup takes a few minutes.", Tone.WARN
    bad = [card for card in cards if card.step.tone is Tone.BAD]
    warned = [card for card in cards if card.step.tone is Tone.WARN]
    proved = sum(1 for card in cards if card.proved)
    summary = f"{proved} of {len(cards)} targets {'has' if proved == 1 else 'have'} a proved backup."
    if bad:
        names = ", ".join(card.target.name for card in bad[:3]) + (" and others" if len(bad) > 3 else "")
        return f"Look here first: {names}.", summary + " Each card below says what to do next.", Tone.BAD
    if warned:
        names = ", ".join(card.target.name for card in warned[:3]) + (" and others" if len(warned) > 3 else "")
        return f"Nothing is broken. Something is left to do for {names}.", summary, Tone.WARN
    if len(cards) == 1:
        return "All is well: your target can be brought back.", "Its newest backups are proved.", Tone.GOOD
    return f"All is well: all {len(cards)} targets can be brought back.", "Their newest backups are proved.", Tone.GOOD
