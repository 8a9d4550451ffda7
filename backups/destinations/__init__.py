"""Where copies go: a folder, S3-compatible storage, SFTP. One module a kind, each a Django storage.

To add a kind: copy a module, add its line to ``KINDS`` and to ``models.DestinationKind``. ``settings`` of a
destination, by kind (what is not marked may be left out):

- folder: ``folder`` (absolute, needed)
- s3: ``bucket`` (needed), ``prefix``, ``endpoint_url``, ``region``, ``addressing_style``; secrets ``access_key``,
  ``secret_key``
- sftp: ``host`` (needed), ``user`` (needed), ``port``, ``folder``, ``host_key`` (a line of known_hosts or just
  ``ssh-ed25519 AAAA…``); secrets ``password`` or ``private_key`` with ``passphrase``
"""

from __future__ import annotations

from typing import Any, cast

from backups.destinations.base import CopyStorage
from backups.destinations.faults import reaching
from backups.destinations.folder import FolderStorage
from backups.destinations.s3 import S3CopyStorage
from backups.destinations.sftp import SftpCopyStorage
from backups.exceptions import DestinationInvalid
from backups.models import Destination, DestinationKind

KINDS: dict[str, type[CopyStorage]] = {
    DestinationKind.FOLDER: FolderStorage,
    DestinationKind.S3: S3CopyStorage,
    DestinationKind.SFTP: SftpCopyStorage,
}


def check_settings(kind: str, settings: dict[str, Any], secrets: dict[str, Any]) -> None:
    """Raise ``DestinationInvalid`` when a setting is missing, unknown or makes no sense; nothing is contacted."""
    storage = KINDS[kind]
    unknown = sorted((set(settings) - storage.known) | (set(secrets) - storage.known_secrets))
    missing = sorted(name for name in storage.needed if not settings.get(name))
    if unknown:
        raise DestinationInvalid(f"A {kind} destination has no setting {', '.join(unknown)}.")
    if missing:
        raise DestinationInvalid(f"A {kind} destination needs {', '.join(missing)}.")
    storage.check(settings)


def storage_for(destination: Destination) -> CopyStorage:
    """A storage of its own for one thread; close it after use. Nothing is contacted before its first use.

    Raises ``DestinationInvalid``.
    """
    secrets = cast(dict[str, Any], destination.secrets)
    check_settings(destination.kind, destination.settings, secrets)
    return KINDS[destination.kind].of(destination.settings, secrets)


__all__ = ["CopyStorage", "check_settings", "reaching", "storage_for"]
