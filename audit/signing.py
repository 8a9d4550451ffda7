"""Ed25519 signatures: who made a manifest or a checkpoint, and that nobody changed it since.

``signing-key.pem`` in TOVGOV_KEYS signs. What it, ``signing-key.pub.pem`` or any public key in ``trusted-signers/``
fits is believed: the public half of a former key goes there when a new one is made. A signature is plain Ed25519
over the bytes, so ``openssl pkeyutl -verify -rawin`` checks it too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit import conf
from audit.exceptions import KeyMissing, SigningKeyInvalid

SIGNING_KEY, SIGNING_PUBLIC = "signing-key.pem", "signing-key.pub.pem"
TRUSTED = "trusted-signers"


def sign(data: bytes) -> bytes:
    """The 64-byte signature of ``data``. Raises ``KeyMissing`` or ``SigningKeyInvalid``."""
    return signing_key().sign(data)


def signer_of(data: bytes, signature: bytes) -> str:
    """The id of the key that signed ``data``; empty when no key we know did. Raises ``KeyMissing`` when we know none,
    and ``SigningKeyInvalid``."""
    for name, key in known_keys().items():
        try:
            key.verify(signature, data)
        except InvalidSignature:
            continue
        return name
    return ""


def known_keys() -> dict[str, Ed25519PublicKey]:
    """The public keys that we believe, by their ids. Raises ``KeyMissing`` when there is none, and
    ``SigningKeyInvalid``."""
    known = dict(_known_keys())
    if not known:
        raise KeyMissing(f"There is neither {SIGNING_KEY} nor a key in {TRUSTED} in {conf.keys()}.")
    return known


def signing_key() -> Ed25519PrivateKey:
    """Our secret key. Raises ``KeyMissing`` or ``SigningKeyInvalid``."""
    path = conf.keys() / SIGNING_KEY
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        raise KeyMissing(f"The signing key is not at {path} ({error.strerror}).") from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SigningKeyInvalid(f"{path} is not an Ed25519 key in PEM form.") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningKeyInvalid(f"{path} is not an Ed25519 key.")
    return key


def key_id(key: Ed25519PublicKey) -> str:
    """The first 16 hex digits of SHA-256 of the public key."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def _known_keys() -> Iterator[tuple[str, Ed25519PublicKey]]:
    if (conf.keys() / SIGNING_KEY).exists():
        own = signing_key().public_key()
        yield key_id(own), own
    for path in [*conf.keys().glob(SIGNING_PUBLIC), *sorted((conf.keys() / TRUSTED).glob("*.pem"))]:
        key = _public_key(path)
        yield key_id(key), key


def _public_key(path: Path) -> Ed25519PublicKey:
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (ValueError, UnsupportedAlgorithm):
        raise SigningKeyInvalid(f"{path} is not a public key in PEM form.") from None
    if not isinstance(key, Ed25519PublicKey):
        raise SigningKeyInvalid(f"{path} is not an Ed25519 key.")
    return key
