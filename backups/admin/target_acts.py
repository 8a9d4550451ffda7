"""What backups add to a target's page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils import timezone

from audit.actors import Actor
from audit.admin.acts import Act, Done, Reason
from audit.admin.targets import TargetAdmin
from audit.models import Target
from audit.templatetags.format import ago, moment
from audit.templatetags.tovgov import page_of
from backups import create, cron, schedules
from backups.admin.backups import backup_word
from backups.admin.schedules import keeps
from backups.models import Destination, RetentionPolicy


class BackUp(Act):
    """Make a backup now."""

    slug = "back-up"
    label = "Back up now"
    permission = "backups.start_backup"
    tone = "primary"
    reason = Reason.WELCOME

    def applies(self, obj: Target) -> bool:
        return obj.is_active and obj.is_identified

    def consequences(self, obj: Target) -> list[str]:
        return [
            f'One consistent snapshot of "{obj.database}" is dumped, compressed and encrypted. It only reads:'
            " nobody who works there has to wait, but nobody can alter a table’s shape meanwhile.",
            "Every table is counted and hashed in the same snapshot.",
            "The copies are read back and compared.",
        ]

    def fields(self, objects: Sequence[Any]) -> dict[str, forms.Field]:
        places = Destination.objects.filter(is_active=True)
        return {
            "prove": forms.BooleanField(
                label="Prove it afterwards",
                required=False,
                initial=True,
                help_text="Restores it into a scratch database and compares every row.",
            ),
            "destinations": forms.ModelMultipleChoiceField(
                places,
                label="Copies go to",
                required=False,
                initial=places,
                widget=forms.CheckboxSelectMultiple,
                help_text="None chosen means all of them.",
            ),
        }

    def perform(self, obj: Target, *, actor: Actor, data: dict[str, Any]) -> Done:
        chosen = list(data["destinations"])
        backup = create.request(obj, actor=actor, reason=data["reason"], prove=data["prove"], destinations=chosen)
        return Done(f"A backup of {obj} is queued.", page_of(backup))


class EverySixHours(Act):
    """The usual schedule, in one press."""

    slug = "every-6"
    label = "Schedule every 6 hours"
    permission = "backups.add_schedule"

    def applies(self, obj: Target) -> bool:
        return obj.is_active and not obj.schedules.filter(is_enabled=True).exists()

    def consequences(self, obj: Target) -> list[str]:
        line = cron.PRESETS["every 6 hours"]
        runs = [moment(run) for run in cron.next_moments(line, "UTC", timezone.now(), 5)]
        return [
            f"{obj} is backed up every 6 hours by UTC, to all active destinations, and each backup is proved.",
            f"The next runs: {'; '.join(runs)}.",
            "A backup that is 15 minutes late raises an alarm.",
        ]

    def perform(self, obj: Target, *, actor: Actor, data: dict[str, Any]) -> Done:
        schedule = schedules.every(obj, 6, actor=actor)
        return Done(f"{obj}: the next backup is made {ago(schedule.next_run_at)}.")


def newest(request: HttpRequest, target: Target) -> tuple[str, dict[str, Any]]:
    """Newest backups, schedules and retention, for the target's page."""
    rows = target.backups.defer("manifest", "log", "phases")[:6]
    policy = RetentionPolicy.objects.filter(target=target).first()
    facts = {
        "backups": [(row, backup_word(row)) for row in rows],
        "schedules": target.schedules.order_by("-is_enabled", "next_run_at"),
        "policy": policy,
        "keeps": keeps(policy) if policy else "",
    }
    return "tovgov/target_backups.html", facts


TargetAdmin.acts[:0] = [BackUp(), EverySixHours()]
TargetAdmin.panels.append(newest)
