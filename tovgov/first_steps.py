"""The way from an empty tovgov to the first proved, scheduled backup."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.urls import reverse

from audit.admin.base import act_url

if TYPE_CHECKING:
    from tovgov.dashboard import Card


@dataclass(frozen=True, slots=True)
class FirstStep:
    """One line of the list. ``look`` is done, now or later; the link is there when it is this person's to press."""

    title: str
    why: str
    look: str
    label: str = ""
    url: str = ""


def first_steps(cards: list[Card], has_destination: bool, user: Any) -> list[FirstStep]:
    """The steps with what is done; an empty list as soon as one target has come all the way."""
    if any(_is_settled(card) for card in cards):
        return []
    first = cards[0] if cards else None
    target = first.target if first else None
    newest = first.newest if first else None

    def act(row: Any, slug: str) -> str:
        return act_url(row, slug, row.pk) if row is not None else ""

    schedule = f"{reverse('admin:backups_schedule_add')}?target={target.pk}" if target else ""
    plan = [
        (has_destination, "Add a destination", "A folder, an S3 bucket or an SFTP server: where copies go.",
         "backups.add_destination", reverse("admin:backups_destination_add")),
        (bool(target), "Add a target", "The database to protect: its server, its exact name, its roles.",
         "audit.add_target", reverse("admin:audit_target_add")),
        (bool(target and target.is_identified), "Test the connection", "Says what works and pins the identity.",
         "audit.test_target", act(target, "test")),
        (bool(newest), "Back up", "One consistent snapshot, compressed, encrypted, counted and hashed.",
         "backups.start_backup", act(target, "back-up")),
        (bool(first and first.proved), "Prove it", "Restores the backup beside the target and compares every row.",
         "backups.verify_backup", act(newest, "prove")),
        (bool(first and first.schedules), "Schedule", "Then there is always a fresh one; every 6 hours is good.",
         "backups.add_schedule", schedule),
    ]  # fmt: skip
    now = next((i for i, (done, *_) in enumerate(plan) if not done), len(plan))
    steps = []
    for i, (done, title, why, permission, url) in enumerate(plan):
        look = "done" if done else "now" if i == now else "later"
        may = look == "now" and url and user.has_perm(permission)
        steps.append(FirstStep(title, why, look, title if may else "", url if may else ""))
    return steps


def _is_settled(card: Card) -> bool:
    return bool(card.target.is_identified and card.proved and card.schedules)
