"""age keys: recipients (public) to back up, identities (secret) to read a backup again.

The format is age's own, so ``age -d -i key.txt`` opens what we write and ``age-keygen`` makes keys for us.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias, TypeVar

import pyrage

from audit.exceptions import KeyMissing
from backups.exceptions import CopyDamaged, KeyInvalid
from backups.tools.checksums import Reader, Writer

_T = TypeVar("_T")

Recipient: TypeAlias = pyrage.x25519.Recipient
Identity: TypeAlias = pyrage.x25519.Identity


def load_recipients(texts: Iterable[str]) -> list[Recipient]:
    """The recipients named by ``age1…`` words. Raises ``KeyInvalid`` for a word that is none."""
    return [_recipient(text.strip()) for text in texts if text.strip()]


def load_identities(path: Path) -> list[Identity]:
    """The identities in an age key file (one ``AGE-SECRET-KEY-1…`` a line, ``#`` begins a comment).

    Raises ``KeyMissing`` when the file is not there or may not be read, ``KeyInvalid`` when a line is no key or
    there is none.
    """
    try:
        text = path.read_text()
    except (FileNotFoundError, NotADirectoryError, PermissionError, IsADirectoryError) as error:
        raise KeyMissing(
            f"The secret age key is not at {path} ({error.strerror}).",
            hint="Put the key file back there (docs/keys.md), or ask the person who keeps its copy. "
            "Without it an encrypted backup cannot be read by anybody.",
            path=str(path),
        ) from None
    except UnicodeDecodeError:
        raise KeyInvalid(f"{path} is not an age key file.") from None
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    found = [_identity(line, path, number) for number, line in lines if line and not line.startswith("#")]
    if not found:
        raise KeyInvalid(f"{path} holds no age key.")
    return found


def create_identity(path: Path) -> str:
    """Make a new key file at ``path`` (mode 0600, never over an existing one) and return its recipient.

    Raises FileExistsError when there is one: overwriting a key loses every backup made for it.
    """
    identity = pyrage.x25519.Identity.generate()
    recipient = str(identity.to_public())
    made = datetime.now(UTC).isoformat(timespec="seconds")
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(f"# created: {made}\n# public key: {recipient}\n{identity}\n")
        file.flush()
        os.fsync(file.fileno())
    return recipient


def recipients_of(identities: Sequence[Identity]) -> list[str]:
    """The public halves, as ``age1…`` words."""
    return [str(identity.to_public()) for identity in identities]


class _Latch:
    """pyrage turns whatever a reader or writer raises into an error of its own; this keeps the first one, so that a
    full disk, a cancel or a Ctrl-C inside the stream is told as what it is."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def keep(self, function: Callable[..., _T]) -> Callable[..., _T]:
        def kept(*arguments: object) -> _T:
            try:
                return function(*arguments)
            except BaseException as error:
                self.error = self.error or error
                raise

        return kept


class _Ends:
    """The reader or writer that pyrage sees."""

    def __init__(self, latch: _Latch, source: Reader | None = None, sink: Writer | None = None) -> None:
        if source:
            self.read = latch.keep(source.read)
        if sink:
            self.write = latch.keep(_whole(sink))

    def flush(self) -> None:
        """The owner of the sink flushes it."""


def _whole(sink: Writer) -> Callable[[bytes], int]:
    def write(data: bytes) -> int:
        sink.write(data)
        return len(data)

    return write


def encrypt(source: Reader, sink: Writer, recipients: Sequence[Recipient]) -> None:
    """Encrypt all of ``source`` into ``sink`` so that each of ``recipients`` can read it. What ``source`` or ``sink``
    raises comes out as it is."""
    latch = _Latch()
    try:
        pyrage.encrypt_io(_Ends(latch, source=source), _Ends(latch, sink=sink), list(recipients))
    except (pyrage.EncryptError, OSError):
        if latch.error:
            raise latch.error from None
        raise


def decrypt(source: Reader, sink: Writer, identities: Sequence[Identity]) -> None:
    """Decrypt all of ``source`` into ``sink``; each piece is authentic before it is handed on, and the end is proved.

    Raises ``KeyMissing`` when none of ``identities`` fits, ``CopyDamaged`` when a byte is not what was written.
    What ``source`` or ``sink`` raises comes out as it is.
    """
    latch = _Latch()
    try:
        pyrage.decrypt_io(_Ends(latch, source=source), _Ends(latch, sink=sink), list(identities))
    except (pyrage.DecryptError, OSError) as error:
        if latch.error:
            raise latch.error from None
        if "No matching keys" in str(error):
            raise KeyMissing(
                "None of the age keys on this machine opens this backup.",
                hint="It was made for another key. Put the key that fits into the key file (docs/keys.md), or ask the "
                f"person who keeps it. Keys here: {', '.join(recipients_of(identities)) or 'none'}.",
            ) from None
        raise CopyDamaged(f"The encrypted copy is damaged: {error}.") from None


def _recipient(text: str) -> Recipient:
    try:
        return pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError:
        shown = "a secret key" if text.upper().startswith("AGE-SECRET-KEY-") else f'"{text[:12]}…"'
        raise KeyInvalid(f"{shown} stands where an age recipient (age1…) belongs.") from None


def _identity(text: str, path: Path, line: int) -> Identity:
    try:
        return pyrage.x25519.Identity.from_str(text)
    except pyrage.IdentityError:
        raise KeyInvalid(f"Line {line} of {path} is not an age secret key.") from None
