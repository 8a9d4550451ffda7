"""What seals look like: checkpoints, places in every state, verifications, and an export with proof."""

from __future__ import annotations

from audit.models import (
    Checkpoint,
    Export,
    ImportSource,
    JobState,
    Publication,
    PublicationPlace,
    SealTree,
    SealVerification,
)
from tests.factories import ago


def build(source: ImportSource) -> None:
    """Three checkpoints of one log; a place that takes them, one that fails, one that waits, one that is paused."""
    tree = SealTree.objects.create(source=source, size=12_000)
    first, second, third = (_checkpoint(tree, number) for number in (1, 2, 3))
    safe = PublicationPlace.objects.create(name="Bob's safe", kind="folder", address="/mnt/outside/checkpoints")
    web = PublicationPlace.objects.create(
        name="Audit office", kind="webhook", address="https://audit.example.org/hooks/a1b2", secret="not-a-real-secret"
    )
    PublicationPlace.objects.create(
        name="Other house", kind="database", address="host=db.example.org dbname=safe user=keeper", every_minutes=60
    )
    PublicationPlace.objects.create(
        name="Post", kind="mail", address="miriam@example.org", every_minutes=1440, is_active=False
    )
    for one in (second, third):
        Publication.objects.create(place=safe, checkpoint=one, at=one.at, attempts=1)
    Publication.objects.create(
        place=web, checkpoint=third, attempts=4, next_at=ago(minutes=-3), error_code="seals.publication_failed",
        error="The address answered 503.",
    )  # fmt: skip
    assert not first.publications.exists()
    _verifications(source)
    _export(source)


def _checkpoint(tree: SealTree, number: int) -> Checkpoint:
    root = f"{number:02}" * 32
    hashed, signature = "q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k=", "— tovgov aGFzaA=="
    said = [tree.origin, number * 4000, hashed, f"number {number}", "", signature]
    note = "\n".join(map(str, said))
    return Checkpoint.objects.create(
        tree=tree, number=number, size=number * 4000, root=root, at=ago(hours=4 - number), key_id="6f1d2c3b4a596877",
        former="ab" * 32 if number > 1 else "", note=note,
    )  # fmt: skip


def _verifications(source: ImportSource) -> None:
    ended = {
        "target": source.target,
        "asked_name": "alice",
        "started_at": ago(minutes=9),
        "finished_at": ago(minutes=8),
    }
    SealVerification.objects.create(state=JobState.SUCCEEDED, leaves=11_800, retired=200, **ended)
    SealVerification.objects.create(
        state=JobState.FAILED,
        leaves=11_799,
        faults=["deletions: leaf 17 (entry 4711) was altered.", "deletions: leaves 5 to 9 are gone."],
        error_code="imports.seal_broken",
        error="Something is not as it was sealed.",
        hint="Keep a copy of the database as it is.",
        **ended,
    )


def _export(source: ImportSource) -> None:
    Export.objects.create(
        page="audit_importsource", query=f"source={source.pk}", format="proof", state=JobState.SUCCEEDED,
        started_at=ago(minutes=4), finished_at=ago(minutes=3), asked_name="alice", rows=12_000, bytes=4_100_000,
        sha256="c0de" * 16, path="made-up.zip", expires_at=ago(days=-6),
    )  # fmt: skip
