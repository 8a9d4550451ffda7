"""Looks at personal data: who read a deleted row, a connection or a log line, in the ledger once an hour."""

from __future__ import annotations

from datetime import timedelta

from django.db import IntegrityError, models, transaction
from django.utils import timezone

from audit import ledger
from audit.actors import Actor
from audit.models import Look, Target

ACTION = "data.look"
KEPT = timedelta(days=2)


def note(obj: models.Model, *, actor: Actor, target: Target | None = None) -> bool:
    """Write to the ledger that ``actor`` looks at ``obj``: once per person, record and hour, however often it is
    opened and from how many windows. Whether it was written now."""
    kind, pk = obj._meta.label, str(obj.pk)
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    with transaction.atomic():
        row = Look(actor=actor.name[:150], object_type=kind, object_id=pk, hour=hour)
        if not _is_first(row):
            return False
        ledger.append(ACTION, actor=actor, obj=obj, target=target)
    return True


def _is_first(row: Look) -> bool:
    """Keep the look, unless one of this hour is there. A second window waits for the first one's end here."""
    before = Look.objects.filter(
        actor=row.actor, object_type=row.object_type, object_id=row.object_id, hour=row.hour
    ).exists()
    if before:
        return False
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        return False
    return True


def forget() -> int:
    """Once a minute: drop looks whose hour is long over; the ledger has them. How many."""
    gone, _ = Look.objects.filter(hour__lt=timezone.now() - KEPT).delete()
    return gone
