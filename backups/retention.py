"""Retention: what ``retention_rules`` decides for a target's backups, shown beforehand and then done."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django_q.tasks import async_task

from audit import alerts, ledger
from audit.actors import Actor
from audit.models import OPEN_STATES, Target
from backups import conf, copies, cron
from backups.exceptions import NoPolicy, RetentionInvalid
from backups.models import Backup, BackupCopy, BackupKind, CopyState, Level, RetentionPolicy
from backups.retention_rules import Facts, Rules, decide

logger = logging.getLogger(__name__)
TASK = "backups.tasks.apply_retention"
EVERY = timedelta(days=1)
ALERT = "retention.unreachable"
RULES = ("keep_last", "keep_daily", "keep_weekly", "keep_monthly", "keep_yearly", "max_age_days", "max_bytes",
         "timezone")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one backup, and why, in words."""

    backup: Backup
    keep: bool
    why: str


@dataclass(frozen=True, slots=True)
class Removal:
    """One backup that was to go; ``left`` names destinations that did not answer: then it stays listed."""

    backup: Backup
    why: str
    left: list[str]

    @property
    def is_done(self) -> bool:
        return not self.left


# --- the policy ---------------------------------------------------------------------------------------------------


def set_policy(target: Target, *, actor: Actor, is_enabled: bool = True, **rules: Any) -> RetentionPolicy:
    """Make or change the policy of ``target``; what is not named stays as it is. Raises as ``save_policy`` does."""
    policy = RetentionPolicy.objects.filter(target=target).first() or RetentionPolicy(target=target)
    for name, value in rules.items():
        if name not in RULES:
            raise RetentionInvalid(f"A policy has no {name}.")
        setattr(policy, name, value)
    policy.is_enabled = is_enabled
    return save_policy(policy, actor=actor)


def save_policy(policy: RetentionPolicy, *, actor: Actor) -> RetentionPolicy:
    """Keep a new or edited policy. Workers apply it a day later at the earliest: time to look at its plan.

    Raises ``NotPermitted``, ``RetentionInvalid``, and ``ScheduleInvalid`` when its time zone is none.
    """
    actor.require("backups.change_retentionpolicy" if policy.pk else "backups.add_retentionpolicy")
    cron.zone(policy.timezone)
    try:
        policy.full_clean()
    except ValidationError as error:
        words = [f"{field}: {' '.join(faults)}" for field, faults in error.message_dict.items()]
        raise RetentionInvalid(" ".join(words).replace("__all__: ", "")) from None
    policy.changed_at = timezone.now()
    with transaction.atomic():
        policy.save()
        facts = {name: getattr(policy, name) for name in (*RULES, "is_enabled")}
        ledger.append("retention.set", actor=actor, obj=policy, target=policy.target, **facts)
    return policy


# --- what would go ------------------------------------------------------------------------------------------------


def plan(target: Target, now: datetime | None = None) -> list[Decision]:
    """What ``apply`` would do to each usable backup of ``target``, the newest first. Changes nothing.

    Raises ``NoPolicy`` when the target has none, or one that is off: then everything is kept.
    """
    policy = RetentionPolicy.objects.filter(target=target, is_enabled=True).first()
    if policy is None:
        raise NoPolicy(f"{target} has no retention policy that is on: every backup is kept.")
    rules = Rules(**{name: getattr(policy, name) for name in RULES})
    backups = list(Backup.objects.usable().filter(target=target).defer("manifest", "log").order_by("-snapshot_at"))
    used = _used(backups, now or timezone.now())
    verdicts = decide(rules, [_facts(backup, used) for backup in backups], now or timezone.now())
    return [Decision(backup, verdicts[backup.pk].keep, verdicts[backup.pk].why) for backup in backups]


def _facts(backup: Backup, used: dict[int, str]) -> Facts:
    assert backup.snapshot_at is not None  # the database demands it of a finished backup
    return Facts(
        id=backup.pk,
        at=backup.snapshot_at,
        bytes=backup.stored_bytes or 0,
        rows=backup.rows,
        is_proved=backup.level == Level.PROVED,
        is_damaged=backup.damaged_at is not None,
        held_why=backup.hold_reason if backup.is_held else "",
        used_why=used.get(backup.pk, ""),
    )


def _used(backups: Iterable[Backup], now: datetime) -> dict[int, str]:
    """Backups that must stay for what is going on: jobs that read them, restores that may still be undone."""
    ours = {backup.pk: backup for backup in backups}
    rows = Backup.objects.filter(pk__in=ours)
    read = rows.filter(Q(restores__state__in=OPEN_STATES) | Q(verifications__state__in=OPEN_STATES))
    used = dict.fromkeys(read.values_list("pk", flat=True), "a restore or verification reads it")
    recent = now - timedelta(days=conf.keep_former_days())
    for pk, backup in ours.items():
        if backup.kind == BackupKind.BEFORE_RESTORE and backup.snapshot_at and backup.snapshot_at > recent:
            used.setdefault(pk, "the safety backup of a recent restore")
    return used


# --- doing it -----------------------------------------------------------------------------------------------------


def apply(target: Target, *, actor: Actor, now: datetime | None = None) -> list[Removal]:
    """Remove what ``plan`` says: its copies first, then it is marked. A backup of which a copy could not be removed
    stays listed, with an alert, and goes the next time.

    Raises ``NotPermitted`` and ``NoPolicy``.
    """
    actor.require("backups.apply_retention")
    decisions = plan(target, now)
    _finish_leftovers(target, actor)
    removals = [_remove(decision, actor) for decision in decisions if not decision.keep]
    done = [removal for removal in removals if removal is not None]
    _tell(target, done, actor)
    return done


def _remove(decision: Decision, actor: Actor) -> Removal | None:
    """None when it was held or taken into use since the plan was made."""
    backup, why = decision.backup, decision.why[:255]
    with transaction.atomic():
        row = (
            Backup.objects.select_for_update(of=("self",), no_key=True)
            .usable()
            .filter(pk=backup.pk, is_held=False)
            .first()
        )
        if row is None or _used([row], timezone.now()):
            return None
        Backup.objects.filter(pk=backup.pk).update(removed_at=timezone.now(), removed_why=why)
    left = [copy.destination.name for copy in copies.remove_copies(backup, actor=actor)]
    with transaction.atomic():
        if left:
            Backup.objects.filter(pk=backup.pk).update(removed_at=None, removed_why="")
        action = "retention.postpone" if left else "retention.remove"
        ledger.append(action, actor=actor, obj=backup, target=backup.target, why=why, left=left)
    backup.refresh_from_db(fields=["removed_at", "removed_why"])
    return Removal(backup, why, left)


def _finish_leftovers(target: Target, actor: Actor) -> None:
    """Files of backups that were marked as removed by a process that died before it had removed them."""
    open_copies = BackupCopy.objects.filter(backup__target=target, backup__removed_at__isnull=False)
    pks = set(open_copies.exclude(state=CopyState.REMOVED).values_list("backup_id", flat=True))
    for backup in Backup.objects.filter(pk__in=pks):
        copies.remove_copies(backup, actor=actor)


def _tell(target: Target, removals: list[Removal], actor: Actor) -> None:
    silent = sorted({name for removal in removals for name in removal.left})
    if not silent:
        alerts.resolve(ALERT, fingerprint=f"target-{target.pk}", actor=actor)
        return
    alerts.alert(
        ALERT,
        fingerprint=f"target-{target.pk}",
        title=f"{target}: old backups could not be removed from {', '.join(silent)}.",
        target=target,
        hint="Test the destination on its page. They stay listed and go the next time it answers.",
        actor=actor,
    )


# --- once a day ---------------------------------------------------------------------------------------------------


def start_due(now: datetime | None = None) -> list[RetentionPolicy]:
    """Queue the policies that were not applied for a day; each once, however many schedulers run."""
    now = now or timezone.now()
    due = RetentionPolicy.objects.filter(is_enabled=True, target__is_active=True, changed_at__lte=now - EVERY)
    queued = []
    for policy in due.filter(Q(applied_at=None) | Q(applied_at__lte=now - EVERY)):
        if RetentionPolicy.objects.filter(pk=policy.pk, applied_at=policy.applied_at).update(applied_at=now):
            async_task(TASK, policy.pk, q_options={"cluster": "long"})
            queued.append(policy)
    return queued
