"""Who vouches for a tree: entries of the ledger, signed checkpoints in tovgov's database, and checkpoints that were
published outside of it."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit.exceptions import PublishedUnreadable
from audit.models import Checkpoint, LedgerEntry, SealTree
from audit.seals import notes
from audit.seals.notes import Note

SEALED = "imports.sealed"
LARGEST_NOTE = 64 * 1024

Keys = Mapping[str, Ed25519PublicKey]


@dataclass(frozen=True, slots=True)
class Witness:
    """``who`` says: with ``size`` leaves the tree had this ``root``."""

    size: int
    root: bytes
    who: str


@dataclass(frozen=True, slots=True)
class Published:
    """A checkpoint that was kept outside, and where it was found."""

    note: Note
    place: str


def of_tree(tree: SealTree, checkpoints: Iterable[Checkpoint], published: Iterable[Published]) -> Iterator[Witness]:
    """All witnesses of a tree, the smallest size first."""
    outside = [
        Witness(one.note.size, one.note.root, f"the checkpoint published at {one.place}")
        for one in published
        if one.note.origin == tree.origin
    ]
    inside = [
        Witness(one.size, bytes.fromhex(one.root), f"checkpoint {one.number} of {one.at:%Y-%m-%d %H:%M} UTC")
        for one in checkpoints
    ]
    yield from heapq.merge(_ledger(tree), sorted(inside, key=_size), sorted(outside, key=_size), key=_size)


def _size(witness: Witness) -> int:
    return witness.size


def _ledger(tree: SealTree) -> Iterator[Witness]:
    found = LedgerEntry.objects.filter(action=SEALED, detail__tree=str(tree.uuid)).order_by("number")
    for entry in found.iterator(2000):
        root = bytes.fromhex(entry.detail["root"])
        yield Witness(entry.detail["size"], root, f"ledger entry {entry.number} of {entry.at:%Y-%m-%d %H:%M} UTC")


def doubts(checkpoints: Iterable[Checkpoint], keys: Keys | None) -> Iterator[str]:
    """What is wrong with a tree's own checkpoints, in the order of their numbers. None for ``keys``: signatures are not
    looked at."""
    expected, former = 1, ""
    for one in checkpoints:
        if one.number != expected:
            yield f"checkpoints {expected} to {one.number - 1} are gone."
        elif notes.read_or_none(one.note) != _stated(one) or one.former != former:
            yield f"checkpoint {one.number} was altered."
        elif keys is not None and not notes.signer(one.note, keys):
            yield f"checkpoint {one.number} is not signed by a key we know."
        expected, former = one.number + 1, notes.digest(one.note)


def _stated(one: Checkpoint) -> Note | None:
    known = notes.read_or_none(one.note)
    at = one.at.replace(microsecond=0)
    root = bytes.fromhex(one.root)
    return known and Note(one.tree.origin, one.size, root, one.number, at, one.former, known.source)


def published_in(folder: Path) -> dict[str, str]:
    """The texts of all files of a folder, by their paths. Raises ``PublishedUnreadable``."""
    try:
        files = [file for file in sorted(folder.iterdir()) if file.is_file() and not file.name.startswith(".")]
        return {str(file): file.read_bytes()[:LARGEST_NOTE].decode("utf-8", "replace") for file in files}
    except OSError as error:
        raise PublishedUnreadable(f"{folder}: {error.strerror or error}.") from error


def read_published(texts: Mapping[str, str], keys: Keys | None) -> tuple[list[Published], list[str]]:
    """The checkpoints among ``texts``, and what is wrong with the others."""
    found, faults = [], []
    for place, text in texts.items():
        note = notes.read_or_none(text)
        if note is None:
            faults.append(f"{place} is no checkpoint.")
        elif keys is not None and not notes.signer(text, keys):
            faults.append(f"{place} is not signed by a key we know.")
        else:
            found.append(Published(note, place))
    return found, faults
