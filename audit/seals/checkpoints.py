"""Checkpoints: what a tree is at a moment, signed with a key that is not in the database."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from audit import alerts, conf, signing
from audit.actors import Actor
from audit.exceptions import KeyMissing, SigningKeyInvalid
from audit.models import Checkpoint, SealTree
from audit.seals import notes, tree
from audit.seals.notes import Note

UNSIGNED = "seals.unsigned"
ACTOR = Actor.system("seals")


def watch() -> None:
    """Sign every tree that has grown, when its last checkpoint is old enough. Without a key an alarm says so, and
    sealing goes on."""
    try:
        for grown in due():
            make(grown)
    except (KeyMissing, SigningKeyInvalid) as error:
        alerts.alert(
            UNSIGNED,
            fingerprint="all",
            title=f"Seals are not signed. {error.message}",
            hint=error.hint,
            actor=ACTOR,
        )
    else:
        alerts.resolve(UNSIGNED, fingerprint="all", actor=ACTOR)


def due() -> list[SealTree]:
    """The trees that have grown since their last checkpoint, which is old enough."""
    before = timezone.now() - timedelta(minutes=conf.checkpoint_minutes())
    every = SealTree.objects.annotate(signed=Max("checkpoints__size"), signed_at=Max("checkpoints__at"))
    return [
        one
        for one in every.filter(size__gt=0).order_by("pk")
        if one.signed is None or (one.size > one.signed and one.signed_at <= before)
    ]


def make(of: SealTree) -> Checkpoint | None:
    """Sign the tree as it is now; None when nothing was added since its last checkpoint. Raises ``KeyMissing`` and
    ``SigningKeyInvalid``."""
    key = signing.signing_key()
    with transaction.atomic():
        grown = (
            SealTree.objects.select_for_update(of=("self",), no_key=True).select_related("source__target").get(pk=of.pk)
        )
        last = Checkpoint.objects.filter(tree=grown).order_by("-number").first()
        if grown.size <= (last.size if last else 0):
            return None
        note = Note(
            origin=grown.origin,
            size=grown.size,
            root=tree.root(grown),
            number=last.number + 1 if last else 1,
            at=timezone.now(),
            former=notes.digest(last.note) if last else "",
            source=str(grown.source),
        )
        return Checkpoint.objects.create(
            tree=grown,
            number=note.number,
            size=note.size,
            root=note.root.hex(),
            at=note.at,
            key_id=signing.key_id(key.public_key()),
            former=note.former,
            note=notes.signed(note, key),
        )
