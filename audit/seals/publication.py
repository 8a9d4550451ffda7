"""Publishing checkpoints at places outside of tovgov's own database, and trying again what failed.

What a place is sent is the signed note alone: sizes, roots and the names of sources, never an entry.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import OperationalError, transaction
from django.db.models import Max, Q, QuerySet
from django.utils import timezone
from django_q.tasks import async_task

from audit import alerts, ledger
from audit.actors import Actor
from audit.exceptions import NoSuchPlace, NotSealed, PlaceBusy, PlaceInvalid, PublicationFailed
from audit.models import Checkpoint, PlaceKind, Publication, PublicationPlace, SealTree, Severity
from audit.seals import places

ALERT = "seals.publication"
CHANGE = "audit.change_publicationplace"
TASK = "audit.tasks.publish_checkpoints"
ACTOR = Actor.system("seals")
LONGEST = timedelta(hours=6)
"""A place that fails is tried after 1, 2, 4 … minutes, at least so often."""
LOCKED = "55P03"  # lock_not_available
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
    row = PublicationPlace(
        name=name, kind=kind, address=address, secret=secret, every_minutes=every_minutes, is_insecure=insecure
    )
    try:
        row.clean_fields()
    except ValidationError as error:
        said = [f"{field}: {' '.join(words)}" for field, words in error.message_dict.items()]
        raise PlaceInvalid(" ".join(said)) from None
    with transaction.atomic():
        row.save()
        ledger.append(
            "seals.place_added", actor=actor, obj=row, kind=kind, every_minutes=every_minutes, is_insecure=insecure
        )
    return row


def remove(name: str, *, actor: Actor) -> None:
    """Publish there no more and forget its secret; what was published stays there. Raises ``NotPermitted``,
    ``NoSuchPlace`` and ``PlaceBusy``."""
    actor.require(CHANGE)
    with transaction.atomic():
        row = _locked(name)
        ledger.append("seals.place_removed", actor=actor, obj=row, kind=row.kind)
        alerts.resolve(ALERT, fingerprint=f"place-{row.pk}", actor=actor)
        row.delete()


def pause(name: str, *, actor: Actor, reason: str = "") -> PublicationPlace:
    """Publish there no more until it is resumed. Raises ``NotPermitted``, ``NoSuchPlace`` and ``PlaceBusy``."""
    return _switch(name, False, "seals.place_paused", actor, reason)


def resume(name: str, *, actor: Actor, reason: str = "") -> PublicationPlace:
    """Publish at a paused place again. Raises ``NotPermitted``, ``NoSuchPlace`` and ``PlaceBusy``."""
    return _switch(name, True, "seals.place_resumed", actor, reason)


def _switch(name: str, is_active: bool, action: str, actor: Actor, reason: str) -> PublicationPlace:
    actor.require(CHANGE)
    with transaction.atomic():
        row = _locked(name)
        row.is_active = is_active
        row.save(update_fields=["is_active"])
        ledger.append(action, actor=actor, obj=row, kind=row.kind, reason=reason)
        if not is_active:
            alerts.resolve(ALERT, fingerprint=f"place-{row.pk}", actor=actor)
    return row


def _locked(name: str) -> PublicationPlace:
    """The place, for a change. While something is brought there nobody waits for the end of it."""
    try:
        with transaction.atomic():
            row = PublicationPlace.objects.select_for_update(nowait=True, no_key=True).filter(name=name).first()
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) != LOCKED:
            raise
        raise PlaceBusy(f"Something is brought to {name} just now.") from None
    if row is None:
        raise NoSuchPlace(f"There is no place “{name}”.")
    return row


def ask(place: PublicationPlace, *, actor: Actor) -> None:
    """Have a worker publish there now: a place may take long to answer, or never. Its publications say what came of
    it. Raises ``NotPermitted``, and ``NotSealed`` while there is no checkpoint."""
    actor.require(CHANGE)
    if not Checkpoint.objects.exists():
        raise NotSealed("There is no checkpoint yet that could be published.")
    pk = place.pk
    with transaction.atomic():
        ledger.append("seals.publish_now", actor=actor, obj=place, kind=place.kind)
        transaction.on_commit(lambda: async_task(TASK, pk))


def watch() -> None:
    """Bring to every place what is due there. One that fails does not keep the others from theirs."""
    for place in PublicationPlace.objects.filter(is_active=True):
        publish(place)


def publish(place: PublicationPlace, *, now: bool = False, again: bool = False) -> int:
    """Bring the newest checkpoint of each tree to ``place``, and those that failed before; how many arrived. Nothing is
    sent before the place's minutes are over, or before a failed one is due again, unless ``now``. With ``again`` the
    one that arrived last is brought once more when nothing waits: that tries a place, and does no harm."""
    with transaction.atomic():
        locked = PublicationPlace.objects.select_for_update(skip_locked=True, no_key=True).filter(pk=place.pk).first()
        if locked is None or not (now or _is_due(locked)):
            return 0
        _queue(locked)
        waiting = Publication.objects.filter(place=locked, at=None)
        if not now:
            waiting = waiting.filter(Q(next_at=None) | Q(next_at__lte=timezone.now()))
        if again and not waiting.exists():
            last = Publication.objects.filter(place=locked).order_by("-pk").values("pk")[:1]
            waiting = Publication.objects.filter(pk__in=last)
        rows = list(_whole(waiting)[:AT_ONCE])
        if not rows:
            return 0
        return _send(locked, rows)


def _whole(rows: QuerySet[Publication]) -> QuerySet[Publication]:
    return rows.select_related("checkpoint__tree__source__target").order_by("pk")


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
        if place.is_active:
            _alarm(place, error)
        return 0
    for row in rows:
        row.at, row.attempts = row.at or moment, row.attempts + 1
        row.error_code, row.error, row.next_at = "", "", None
    Publication.objects.bulk_update(rows, ["at", "attempts", "next_at", "error_code", "error"])
    told = Publication.objects.filter(place=place, at__isnull=False).exclude(error_code="")
    told.update(next_at=None, error_code="", error="")  # arrived before, tried again in vain, and now all is well
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
