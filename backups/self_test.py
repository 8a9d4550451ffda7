"""Does the verifier still say no? Bytes of a good copy are damaged on their way in, and each damage must be found.
What is stored is only read."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from audit import ledger
from audit.actors import Actor
from audit.exceptions import KeyMissing
from backups import spool, transfer
from backups.copies import best_copy
from backups.exceptions import CopyDamaged, VerifierBlind
from backups.manifest import Manifest
from backups.models import Backup
from backups.tools.checksums import Reader
from backups.tools.decoding import decode
from backups.tools.encryption import Identity
from backups.unpack import identities_for

CASES = 24
Damage = Callable[[Path, random.Random], tuple[str, Reader]]


def self_test(backup: Backup, *, actor: Actor, cases: int = CASES, seed: int = 0) -> dict[str, Any]:
    """Damage ``cases`` times what is read of the best copy and demand that decoding finds it, with the manifest's
    SHA-256 and without it (the formats' own checksums). Returns facts; raises ``VerifierBlind`` naming what was
    missed, and ``CopyDamaged`` when the copy itself is not good."""
    actor.require("backups.verify_backup")
    copy, manifest = best_copy(backup), Manifest.from_dict(backup.manifest)
    identities = identities_for(backup)
    with spool.folder("self-test") as folder:
        path = f"{copy.path}/{manifest.dump.file}"
        file = transfer.fetch(copy.destination, path, folder / "copy", transfer.Unwatched()).path
        with file.open("rb") as good:
            decode(good, None, identities=identities, sha256=backup.sha256)
        missed = [
            words
            for number in range(cases)
            for sha256 in (backup.sha256, "")
            if (words := _missed(file, random.Random(f"{seed} {number}"), number, identities, sha256))  # noqa: S311
        ]
    facts: dict[str, Any] = {"backup": backup.name, "cases": cases * 2, "missed": missed}
    ledger.append("backup.self_test", actor=actor, obj=backup, target=backup.target, **facts)
    if missed:
        raise VerifierBlind(f"{len(missed)} of {cases * 2} damaged copies were taken for good.", **facts)
    return facts


def _missed(file: Path, chance: random.Random, number: int, identities: list[Identity] | None, sha256: str) -> str:
    """What was done to the bytes, if nobody noticed; empty when it was found."""
    words, reader = DAMAGES[number % len(DAMAGES)](file, chance)
    try:
        decode(reader, None, identities=identities, sha256=sha256)
    except (CopyDamaged, KeyMissing):  # a damaged header looks like a key that does not fit
        return ""
    return words


class Damaged:
    """A file that is read with some bytes other than they are."""

    def __init__(
        self, path: Path, *, length: int | None = None, flips: dict[int, int] | None = None, tail: bytes = b""
    ) -> None:
        self.path = path
        self.length = path.stat().st_size if length is None else length
        self.flips, self.tail, self.at = flips or {}, tail, 0

    def read(self, size: int = -1, /) -> bytes:
        want = self.length - self.at if size < 0 else min(size, self.length - self.at)
        with self.path.open("rb") as file:
            file.seek(self.at)
            data = bytearray(file.read(want))
        for place, bit in self.flips.items():
            if self.at <= place < self.at + len(data):
                data[place - self.at] ^= bit
        self.at += len(data)
        if not data:
            data, self.tail = bytearray(self.tail), b""
        return bytes(data)


def _flip(path: Path, chance: random.Random) -> tuple[str, Reader]:
    place, bit = chance.randrange(path.stat().st_size), 1 << chance.randrange(8)
    return f"bit {bit} of byte {place} flipped", Damaged(path, flips={place: bit})


def _cut(path: Path, chance: random.Random) -> tuple[str, Reader]:
    length = chance.randrange(path.stat().st_size)
    return f"cut off after {length} bytes", Damaged(path, length=length)


def _lengthen(path: Path, chance: random.Random) -> tuple[str, Reader]:
    tail = chance.randbytes(chance.randrange(1, 5000))
    return f"{len(tail)} bytes appended", Damaged(path, tail=tail)


def _blank(path: Path, chance: random.Random) -> tuple[str, Reader]:
    start = chance.randrange(path.stat().st_size)
    block = dict.fromkeys(range(start, min(start + 64, path.stat().st_size)), 255)
    return f"a block at {start} overwritten", Damaged(path, flips=block)


DAMAGES: tuple[Damage, ...] = (_flip, _cut, _lengthen, _blank)
