"""Settings of audit, read once from Django's settings with their defaults. Documented in ``docs/settings.md``."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

HEARTBEAT_SECONDS = 5
"""How often a worker says that it is alive."""

HEARTBEAT_STALE_SECONDS = 25
"""A job without a heartbeat for so long is taken for dead; with the reaper's minute this stays below 90 s."""


def keys() -> Path:
    """Where the signing key, trusted signers and the age key are (``TOVGOV_KEYS``)."""
    return Path(settings.TOVGOV_KEYS)


def checkpoint_minutes() -> int:
    """At most so often a tree of seals that has grown gets a signed checkpoint (``TOVGOV_CHECKPOINT_MINUTES``)."""
    return int(settings.TOVGOV_CHECKPOINT_MINUTES)


def secret_keys() -> list[str]:
    """Fernet keys for secrets at rest, newest first (``TOVGOV_SECRET_KEYS``)."""
    return list(settings.TOVGOV_SECRET_KEYS)


def approval_hours() -> int:
    """After how many hours an undecided or unused approval expires (``TOVGOV_APPROVAL_HOURS``)."""
    return int(settings.TOVGOV_APPROVAL_HOURS)


def import_lag_minutes() -> int:
    """After how many minutes a delete that was not imported raises an alarm (``TOVGOV_IMPORT_LAG_MINUTES``)."""
    return int(settings.TOVGOV_IMPORT_LAG_MINUTES)


def log_keep_days() -> int | None:
    """So many days a new source of server logs keeps its entries (``TOVGOV_LOG_KEEP_DAYS``); None for ever."""
    return int(settings.TOVGOV_LOG_KEEP_DAYS) or None


def exports_folder() -> Path:
    """Where exports lie until they expire (``TOVGOV_EXPORTS``)."""
    return Path(settings.TOVGOV_EXPORTS)


def export_days() -> int:
    """After how many days an export's file is removed (``TOVGOV_EXPORT_DAYS``)."""
    return int(settings.TOVGOV_EXPORT_DAYS)


def tsa_url() -> str:
    """Where a time-stamp authority (RFC 3161) answers; "" for none (``TOVGOV_TSA_URL``)."""
    return str(settings.TOVGOV_TSA_URL)


def spool_folder() -> Path:
    """Where sent server logs wait to be read (``TOVGOV_SPOOL``)."""
    return Path(settings.TOVGOV_SPOOL)


def log_upload_mb() -> int:
    """So large may one upload of server logs be, in MiB (``TOVGOV_LOG_UPLOAD_MB``)."""
    return int(settings.TOVGOV_LOG_UPLOAD_MB)


def report_mail_mb() -> int:
    """A report's file of at most so many MB is attached to its mail (``TOVGOV_REPORT_MAIL_MB``)."""
    return int(settings.TOVGOV_REPORT_MAIL_MB)


def site_url() -> str:
    """Where people reach tovgov, without a slash at the end; "" when nobody said (``TOVGOV_URL``)."""
    return str(settings.TOVGOV_URL).rstrip("/")


def incident_severities() -> set[str]:
    """Alerts of these severities open an incident, whatever raised them (``TOVGOV_INCIDENTS_AT``)."""
    return set(settings.TOVGOV_INCIDENTS_AT)
