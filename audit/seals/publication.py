"""Publishing checkpoints at places outside of tovgov's own database, and trying again what failed.

What a place is sent is the signed note alone: sizes, roots and the names of sources, never an entry.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import Max, Q
from django.utils import timezone

from audit import alerts, ledger
from audit.actors import Actor
from audit.exceptions import NoSuchPlace, PlaceInvalid, PublicationFailed
from audit.models import Checkpoint, PlaceKind, Publication, PublicationPlace, SealTree, Severity
from audit.seals import places

ALERT = "seals.publication"
CHANGE = "audit.change_publicationplace"
ACTOR = Actor.system("seals")
LONGEST = timedelta(hours=6)
"""A place that fails is tried after 1, 2, 4 … minutes, at least so often."""
AT_ONCE = 200
"""Checkpoints that are brought to a place in one go."""

Send = Callable[[PublicationPlace, Sequence[Checkpoint]], None]
SENDERS: dict[str, Send] = {
    PlaceKind.FOLDER: places.folder,
    PlaceKind.MAIL: places.mail,
    PlaceKind.WEBHOOK: places.webhook,
    PlaceKind.DATABASE: places.database,
}


def add(name: str, kind: str, address: str, *, actor: Actor, secret: str = "", every_minutes: int = 0,
        insecure: bool = False) -> PublicationPlace:  # fmt: skip
    """Publish at this place from now on. Raises ``NotPermitted`` and ``PlaceInvalid``."""
    actor.require(CHANGE)
    if kind not in SENDERS:
        raise PlaceInvalid(f"“{kind[:20]}” is no kind of place; there are {', '.join(SENDERS)}.")
    places.check(kind, address, insecure=insecure, secret=secret)
    if PublicationPlace.objects.filter(name=name).exists():
        raise PlaceInvalid(f"There is a place “{name}” already.")
    with transaction.atomic():
        row = PublicationPlace.objects.create(
            name=name, kind=kind, address=address, secret=secret, every_minutes=every_minutes, is_insecure=insecure
        )
        ledger.append(
            "seals.place_added", actor=actor, obj=row, kind=kind, every_minutes=every_minutes, is_insecure=insecure
        )
    return row


def remove(name: str, *, actor: Actor) -> None:
    """Publish there no more; what was published stays there. Raises ``NotPermitted`` and ``NoSuchPlace``."""
    actor.require(CHANGE)
    with transaction.atomic():
        row = PublicationPlace.objects.select_for_update().filter(name=name).first()
        if row is None:
            raise NoSuchPlace(f"There is no place “{name}”.")
        ledger.append("seals.place_removed", actor=actor, obj=row, kind=row.kind)
        alerts.resolve(ALERT, fingerprint=f"place-{row.pk}", actor=actor)
        row.delete()


def watch() -> None:
    """Bring to every place what is due there. One that fails does not keep the others from theirs."""
    for place in PublicationPlace.objects.filter(is_active=True):
        publish(place)


def publish(place: PublicationPlace, *, now: bool = False) -> int:
    """Bring the newest checkpoint of each tree to ``place``, and those that failed before; how many arrived. Nothing is
    sent before the place's minutes are over, or before a failed one is due again, unless ``now``."""
    with transaction.atomic():
        locked = PublicationPlace.objects.select_for_update(skip_locked=True).filter(pk=place.pk).first()
        if locked is None or not (now or _is_due(locked)):
            return 0
        _queue(locked)
        waiting = Publication.objects.filter(place=locked, at=None)
        if not now:
            waiting = waiting.filter(Q(next_at=None) | Q(next_at__lte=timezone.now()))
        rows = list(waiting.select_related("checkpoint__tree__source__target").order_by("pk")[:AT_ONCE])
        if not rows:
            return 0
        return _send(locked, rows)


def _send(place: PublicationPlace, rows: Sequence[Publication]) -> int:
    moment = timezone.now()
    try:
        SENDERS[place.kind](place, [row.checkpoint for row in rows])
    except PublicationFailed as error:
        for row in rows:
            row.attempts += 1
            row.next_at = moment + min(timedelta(minutes=2 ** min(row.attempts - 1, 12)), LONGEST)
            row.error_code, row.error = error.code, error.message
        Publication.objects.bulk_update(rows, ["attempts", "next_at", "error_code", "error"])
        _alarm(place, error)
        return 0
    for row in rows:
        row.at, row.attempts, row.error_code, row.error, row.next_at = moment, row.attempts + 1, "", "", None
    Publication.objects.bulk_update(rows, ["at", "attempts", "next_at", "error_code", "error"])
    alerts.resolve(ALERT, fingerprint=f"place-{place.pk}", actor=ACTOR)
    return len(rows)


def _alarm(place: PublicationPlace, error: PublicationFailed) -> None:
    alerts.alert(
        ALERT,
        fingerprint=f"place-{place.pk}",
        title=f"Checkpoints do not reach {place}. {error.message}",
        severity=Severity.WARNING,
        hint=error.hint,
        actor=ACTOR,
    )


def _is_due(place: PublicationPlace) -> bool:
    last = Publication.objects.filter(place=place).aggregate(last=Max("at"))["last"]
    return last is None or last <= timezone.now() - timedelta(minutes=place.every_minutes)


def _queue(place: PublicationPlace) -> None:
    """A row for the newest checkpoint of each tree, unless it has one."""
    newest = SealTree.objects.annotate(last=Max("checkpoints__number")).exclude(last=None).values_list("pk", "last")
    for tree, number in newest:
        checkpoint = Checkpoint.objects.get(tree=tree, number=number)
        Publication.objects.get_or_create(place=place, checkpoint=checkpoint)
