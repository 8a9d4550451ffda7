"""Signatures of manifests; the keys are those of ``audit.signing``."""

from __future__ import annotations

from audit.signing import sign, signer_of, signing_key
from backups.exceptions import ManifestInvalid

__all__ = ["check", "sign", "signing_key"]


def check(data: bytes, signature: bytes) -> str:
    """The id of the key that signed ``data``. Raises ``ManifestInvalid`` when no key we know did, ``KeyMissing``
    when we know none."""
    if name := signer_of(data, signature):
        return name
    raise ManifestInvalid("The signature does not fit: the manifest was altered, or signed by a key we do not know.")
