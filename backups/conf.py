"""Settings of backups, with their defaults. Documented in ``docs/settings.md``."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from audit.conf import keys
from audit.exceptions import KeyMissing

AGE_IDENTITY, AGE_RECIPIENT = "age-identity.txt", "age-recipient.txt"


def age_identity() -> Path:
    """The secret age key, needed to read a backup, never to make one."""
    return keys() / AGE_IDENTITY


def age_recipients() -> list[str]:
    """Whom backups are encrypted to: ``TOVGOV_AGE_RECIPIENTS``, or the key made at set-up. Raises ``KeyMissing``
    when there is none though backups are to be encrypted."""
    named = [word for word in settings.TOVGOV_AGE_RECIPIENTS if word.strip()]
    if named:
        return named
    path = keys() / AGE_RECIPIENT
    try:
        lines = [line.strip() for line in path.read_text().splitlines()]
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        raise KeyMissing(f"There is no age recipient to encrypt to: {path} ({error.strerror}).") from None
    found = [line for line in lines if line and not line.startswith("#")]
    if not found:
        raise KeyMissing(f"There is no age recipient to encrypt to in {path}.")
    return found


def encrypt() -> bool:
    """Whether new backups are encrypted (``TOVGOV_ENCRYPT``, on by default)."""
    return bool(settings.TOVGOV_ENCRYPT)


def spool() -> Path:
    """Where a dump is written before its copies are made (``TOVGOV_SPOOL``)."""
    return Path(settings.TOVGOV_SPOOL)


def pg_bin() -> str:
    """A folder of client tools to prefer (``TOVGOV_PG_BIN``)."""
    return str(settings.TOVGOV_PG_BIN)


def max_backups() -> int:
    """How many backups may run at once over all targets (``TOVGOV_MAX_BACKUPS``); the others wait, queued."""
    return max(1, int(settings.TOVGOV_MAX_BACKUPS))


def stall_seconds() -> float:
    """After so many seconds without a byte a dump or restore is ended (``TOVGOV_STALL_SECONDS``)."""
    return float(settings.TOVGOV_STALL_SECONDS)


def proof_days() -> int:
    """After so many days without a proved backup of a target there is an alarm (``TOVGOV_PROOF_DAYS``)."""
    return int(settings.TOVGOV_PROOF_DAYS)


def keep_former_days() -> int:
    """So many days the former database and the safety backup of a restore are kept (``TOVGOV_KEEP_FORMER_DAYS``)."""
    return int(settings.TOVGOV_KEEP_FORMER_DAYS)


LOCK_WAIT_SECONDS = 60
"""How long a dump waits for a table that somebody holds."""
