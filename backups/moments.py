"""What backups tell of a target's line of time: backups, restores and verifications, when they began and ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from audit.models import Job, Target
from backups.models import Backup, Restore, Verification

FEW = 500
HEAVY: dict[type[Job], tuple[str, ...]] = {
    Backup: ("manifest", "log", "phases"),
    Restore: ("comparison", "proof", "plan", "log", "phases"),
    Verification: ("result", "log", "phases", "backup__manifest", "backup__log", "backup__phases"),
}
TARGET: dict[type[Job], str] = {Verification: "backup__target"}


def between(target: Target, start: datetime, end: datetime) -> Iterator[tuple[datetime, Any, str]]:
    """When, which row, and what of it."""
    for model, heavy in HEAVY.items():
        for name, word in (("started_at", "began"), ("finished_at", "ended")):
            span = {f"{name}__gte": start, f"{name}__lte": end}
            rows: Any = model._default_manager.filter(**{TARGET.get(model, "target"): target} | span)
            if model is Verification:
                rows = rows.select_related("backup")
            for row in rows.defer(*heavy)[:FEW]:
                yield getattr(row, name), row, word
