"""The text of a checkpoint: a signed note as C2SP signed-note and tlog-checkpoint define them, with lines of our own.

::

    tovgov/5f3c…                 which tree
    1042                         how many leaves
    8qb0…=                       its root, base64
    number 17
    at 2026-11-20T10:46:32Z
    former 3b1f…                 SHA-256 of the note before it; - for the first
    source deletions of Shop production

    — tovgov-8d6d… base64(4 bytes that name the key, then the 64 bytes of Ed25519)
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit.signing import key_id

NONE = "-"
ED25519 = b"\x01"
MARK = "— "
TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Note:
    """What a checkpoint states. ``source`` is one line for a person."""

    origin: str
    size: int
    root: bytes
    number: int
    at: datetime
    former: str
    source: str

    def body(self) -> str:
        """The text that is signed."""
        lines = [
            self.origin,
            str(self.size),
            base64.b64encode(self.root).decode(),
            f"number {self.number}",
            f"at {self.at.astimezone(UTC).strftime(TIME)}",
            f"former {self.former or NONE}",
            f"source {' '.join(self.source.split())}",
        ]
        return "\n".join(lines) + "\n"


def signed(note: Note, key: Ed25519PrivateKey) -> str:
    """The whole text: body and signature."""
    body, public = note.body(), key.public_key()
    mark = _key_hash(public) + key.sign(body.encode())
    return f"{body}\n{MARK}{_name(public)} {base64.b64encode(mark).decode()}\n"


def read(text: str) -> Note:
    """What a note states, signed or not. Raises ``ValueError`` for what is no checkpoint of tovgov."""
    body = text.split("\n\n", 1)[0] + "\n"
    origin, size, root, *more = body.splitlines()
    facts = dict(line.split(" ", 1) for line in more)
    try:
        note = Note(
            origin=origin,
            size=int(size),
            root=base64.b64decode(root, validate=True),
            number=int(facts["number"]),
            at=datetime.strptime(facts["at"], TIME).replace(tzinfo=UTC),
            former=facts["former"].removeprefix(NONE),
            source=facts["source"],
        )
    except (KeyError, binascii.Error) as error:
        raise ValueError(f"no checkpoint: {error}") from None
    if note.body() != body:
        raise ValueError("not written as tovgov writes it")
    return note


def read_or_none(text: str) -> Note | None:
    """What a note states; None for what is no checkpoint of tovgov."""
    try:
        return read(text)
    except ValueError:
        return None


def signer(text: str, keys: Mapping[str, Ed25519PublicKey]) -> str:
    """The id of the key, one of ``keys``, that signed the note; empty when none did."""
    body, _, marks = text.partition("\n\n")
    for line in marks.splitlines():
        name, _, mark = line.removeprefix(MARK).partition(" ")
        for known, key in keys.items():
            if name == _name(key) and _fits(body + "\n", mark, key):
                return known
    return ""


def digest(text: str) -> str:
    """SHA-256 of a whole note, in hex: how the next one names it."""
    return hashlib.sha256(text.encode()).hexdigest()


def _fits(body: str, mark: str, key: Ed25519PublicKey) -> bool:
    try:
        raw = base64.b64decode(mark, validate=True)
        key.verify(raw[4:], body.encode())
    except (binascii.Error, InvalidSignature):
        return False
    return raw[:4] == _key_hash(key)


def _name(key: Ed25519PublicKey) -> str:
    return f"tovgov-{key_id(key)}"


def _key_hash(key: Ed25519PublicKey) -> bytes:
    return hashlib.sha256(_name(key).encode() + b"\n" + ED25519 + key.public_bytes_raw()).digest()[:4]
