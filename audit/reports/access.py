"""Read who may do what on each target: once a day by a worker, at once when somebody asks."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from audit import ledger, targets
from audit.actors import Actor
from audit.exceptions import TovgovError
from audit.models import Purpose, Target, TargetAccess
from audit.postgres.access import read_access

EVERY = timedelta(hours=24)
AGAIN = timedelta(hours=1)
"""After a reading that failed."""
AT_ONCE = 3
"""So many targets are read in one minute of the worker."""
REVIEW = "audit.review_access"
STATEMENT = 30_000  # milliseconds
ACTOR = Actor.system("access review")


def read(target: Target, *, actor: Actor) -> TargetAccess:
    """Read the roles and rights of ``target`` now. What was read before stays when this fails.

    Raises ``NotPermitted`` and whatever keeps it from connecting; the error is noted on the row as well.
    """
    actor.require(REVIEW)
    row, _ = TargetAccess.objects.get_or_create(target=target)
    row.tried_at = timezone.now()
    try:
        with targets.connected(
            target, Purpose.WATCH, actor=actor, read_only=True, statement_timeout=STATEMENT
        ) as connection:
            found = read_access(connection)
    except TovgovError as error:
        row.error_code, row.error = error.code, error.message
        row.save(update_fields=["tried_at", "error_code", "error"])
        raise
    row.read_at, row.roles, row.grants, row.left_out = row.tried_at, found.roles, found.grants, found.left_out
    row.error_code = row.error = ""
    with transaction.atomic():
        row.save()
        if actor.user is not None:
            ledger.append(
                "access.read", actor=actor, obj=row, target=target, roles=len(found.roles), grants=len(found.grants)
            )
    return row


def watch() -> None:
    """Once a minute: read the targets whose day is over. One that fails is tried again after an hour."""
    now = timezone.now()
    due = Q(access=None) | Q(access__tried_at=None) | Q(access__tried_at__lt=now - EVERY)
    due |= Q(access__tried_at__lt=now - AGAIN) & ~Q(access__error_code="")
    for target in Target.objects.filter(due, is_active=True, identified_at__isnull=False).order_by("pk")[:AT_ONCE]:
        try:
            read(target, actor=ACTOR)
        except TovgovError:
            continue  # noted on the row, and told by the watch over targets
