"""Keys made at set-up: ``python -m tovgov.keys``. Nothing is ever overwritten; see ``docs/keys.md``.

A key that is missing although its fruits are there was lost, or moved to a safe place on purpose: a new one made in
silence would hide that, so none is made.
"""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from datetime import UTC, datetime
from fcntl import LOCK_EX, flock
from pathlib import Path

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pyrage import x25519

from audit.exceptions import KeyMissing, TovgovError
from tovgov import environment

AGE_IDENTITY = "age-identity.txt"
AGE_RECIPIENT = "age-recipient.txt"
SIGNING_KEY = "signing-key.pem"
SIGNING_PUBLIC = "signing-key.pub.pem"
SECRETS = ("TOVGOV_DJANGO_KEY", "TOVGOV_SECRET_KEYS")


def ensure() -> list[Path]:
    """Make what is missing, each file 0600, and return what was made. Settings read afterwards find it.

    Raises ``KeyMissing`` when tovgov's own database is there but the key of the secrets in it is not.
    """
    environment.VAR_DIR.mkdir(parents=True, exist_ok=True)
    environment.KEYS_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (environment.VAR_DIR / ".keys.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        made = [*_ensure_secrets(environment.SECRETS_FILE), *_ensure_age(), *_ensure_signing()]
    environment.read_secrets()
    return made


def require() -> None:
    """Raise ``KeyMissing`` when a key that settings need is not at hand: with a database of one's own, that several
    machines may share, a new key is made by a person only (``python -m tovgov.keys``)."""
    if missing := _missing():
        raise KeyMissing(
            f"{' and '.join(missing)} are not set.",
            hint="Take secrets.env from the machine that has it, or, on the first one, run python -m tovgov.keys.",
        )


def _missing() -> list[str]:
    return [name for name in SECRETS if not os.environ.get(name)]


def _ensure_secrets(file: Path) -> list[Path]:
    environment.read_secrets()
    missing = _missing()
    if not missing:
        return []
    if file.exists():
        raise KeyMissing(f"{file} does not hold {' and '.join(missing)}.")
    if (environment.EMBEDDED_DATA / "PG_VERSION").exists() and "TOVGOV_SECRET_KEYS" in missing:
        raise KeyMissing(
            f"{file} is gone, but the database whose secrets it opens is there.",
            hint="Put the file back from its copy. docs/keys.md says what to do when there is none.",
        )
    values = {"TOVGOV_DJANGO_KEY": secrets.token_hex(32), "TOVGOV_SECRET_KEYS": Fernet.generate_key().decode()}
    lines = ["# Made at set-up. Keep a copy elsewhere: docs/keys.md", *(f"{name}={values[name]}" for name in missing)]
    return [_create(file, "\n".join(lines) + "\n")]


def _ensure_age() -> list[Path]:
    identity, recipient = environment.KEYS_DIR / AGE_IDENTITY, environment.KEYS_DIR / AGE_RECIPIENT
    if recipient.exists():
        return []  # with it alone backups are made; whoever moved the identity away did well
    if identity.exists():
        key = x25519.Identity.from_str(_secret_line(identity))
        return [_create(recipient, f"{key.to_public()}\n")]
    key = x25519.Identity.generate()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    text = f"# created: {now}\n# public key: {key.to_public()}\n{key}\n"
    return [_create(identity, text), _create(recipient, f"{key.to_public()}\n")]


def _secret_line(identity: Path) -> str:
    lines = [line.strip() for line in identity.read_text().splitlines()]
    found = [line for line in lines if line.startswith("AGE-SECRET-KEY-")]
    if not found:
        raise KeyMissing(f"There is no age key in {identity}.")
    return found[0]


def _ensure_signing() -> list[Path]:
    secret, public = environment.KEYS_DIR / SIGNING_KEY, environment.KEYS_DIR / SIGNING_PUBLIC
    if secret.exists() or public.exists():
        return []
    key = Ed25519PrivateKey.generate()
    pem = serialization.Encoding.PEM
    private_text = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    public_text = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    return [_create(secret, private_text), _create(public, public_text)]


def _create(file: Path, text: str) -> Path:
    """Write a new file (0600), complete or not at all. FileExistsError when there is one: it is never overwritten."""
    handle, fresh = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.link(fresh, file)
    finally:
        Path(fresh).unlink()
    return file


def main() -> int:
    """Make what is missing and say what was made."""
    try:
        made = ensure()
    except TovgovError as error:
        print(f"{error.message}\n{error.hint}", file=sys.stderr)
        return int(error.exit_status)
    for file in made:
        print(f"made {file}")
    if made:
        print("Keep a copy of these files away from this machine: without them backups cannot be read (docs/keys.md).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
