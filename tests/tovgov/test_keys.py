"""Keys made at set-up: complete, closed to others, never overwritten, never made anew in silence."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyrage
import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit.exceptions import KeyMissing
from tests.tovgov.test_own_database import ROOT
from tovgov import environment, keys


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A set-up that begins with nothing."""
    monkeypatch.setattr(environment, "VAR_DIR", tmp_path / "var")
    monkeypatch.setattr(environment, "KEYS_DIR", tmp_path / "keys")
    monkeypatch.setattr(environment, "SECRETS_FILE", tmp_path / "var" / "secrets.env")
    monkeypatch.setattr(environment, "EMBEDDED_DATA", tmp_path / "var" / "postgres")
    before = {name: os.environ.pop(name) for name in keys.SECRETS}
    yield tmp_path
    os.environ.update(before)


def forget() -> None:
    """What a new process knows."""
    for name in keys.SECRETS:
        os.environ.pop(name, None)


def test_all_keys_are_made_at_first(home: Path) -> None:
    made = {file.name for file in keys.ensure()}
    assert made == {
        "secrets.env",
        "age-identity.txt",
        "age-recipient.txt",
        "signing-key.pem",
        "signing-key.pub.pem",
    }


def test_only_the_owner_reads_them(home: Path) -> None:
    old = os.umask(0)
    try:
        made = keys.ensure()
    finally:
        os.umask(old)
    assert {file.stat().st_mode & 0o777 for file in made} == {0o600}
    assert (home / "keys").stat().st_mode & 0o777 == 0o700


def test_a_second_time_changes_nothing(home: Path) -> None:
    before = {file: file.read_bytes() for file in keys.ensure()}
    forget()
    assert keys.ensure() == []
    assert {file: file.read_bytes() for file in before} == before


def test_secrets_hold_right_after(home: Path) -> None:
    keys.ensure()
    assert len(os.environ["TOVGOV_DJANGO_KEY"]) >= 50
    Fernet(os.environ["TOVGOV_SECRET_KEYS"])


def test_keys_of_the_environment_are_not_made(home: Path) -> None:
    os.environ.update({"TOVGOV_DJANGO_KEY": "x", "TOVGOV_SECRET_KEYS": "y"})
    keys.ensure()
    assert not (home / "var" / "secrets.env").exists()


def test_only_what_the_environment_lacks_is_made(home: Path) -> None:
    os.environ["TOVGOV_DJANGO_KEY"] = "mine"
    keys.ensure()
    assert "TOVGOV_DJANGO_KEY" not in (home / "var" / "secrets.env").read_text()
    assert os.environ["TOVGOV_DJANGO_KEY"] == "mine"


def test_lost_secrets_of_a_database_are_not_made_anew(home: Path) -> None:
    keys.ensure()
    (home / "var" / "postgres").mkdir()
    (home / "var" / "postgres" / "PG_VERSION").write_text("18\n")
    (home / "var" / "secrets.env").unlink()
    forget()
    with pytest.raises(KeyMissing, match=r"secrets\.env is gone"):
        keys.ensure()


def test_a_line_lost_from_the_secrets_is_named(home: Path) -> None:
    keys.ensure()
    file = home / "var" / "secrets.env"
    file.write_text(file.read_text().splitlines()[1] + "\n")
    forget()
    with pytest.raises(KeyMissing, match="does not hold TOVGOV_SECRET_KEYS"):
        keys.ensure()


def test_age_key_opens_what_its_recipient_closed(home: Path) -> None:
    keys.ensure()
    recipient = pyrage.x25519.Recipient.from_str((home / "keys" / "age-recipient.txt").read_text().strip())
    text = (home / "keys" / "age-identity.txt").read_text()
    secret = text.splitlines()[-1]
    assert secret.startswith("AGE-SECRET-KEY-1")
    assert f"# public key: {recipient}" in text
    closed = pyrage.encrypt(b"rows", [recipient])
    assert pyrage.decrypt(closed, [pyrage.x25519.Identity.from_str(secret)]) == b"rows"


def test_age_identity_kept_elsewhere_is_not_made_anew(home: Path) -> None:
    keys.ensure()
    (home / "keys" / "age-identity.txt").unlink()
    assert keys.ensure() == []


def test_recipient_is_made_again_from_its_identity(home: Path) -> None:
    keys.ensure()
    recipient = home / "keys" / "age-recipient.txt"
    before = recipient.read_text()
    recipient.unlink()
    assert keys.ensure() == [recipient]
    assert recipient.read_text() == before


def test_file_without_an_age_key_is_named(home: Path) -> None:
    (home / "keys").mkdir()
    (home / "keys" / "age-identity.txt").write_text("# empty\n")
    with pytest.raises(KeyMissing, match="no age key"):
        keys.ensure()


def test_signing_keys_are_a_pair(home: Path) -> None:
    keys.ensure()
    secret = serialization.load_pem_private_key((home / "keys" / "signing-key.pem").read_bytes(), None)
    public = serialization.load_pem_public_key((home / "keys" / "signing-key.pub.pem").read_bytes())
    assert isinstance(secret, Ed25519PrivateKey)
    assert isinstance(public, Ed25519PublicKey)
    public.verify(secret.sign(b"manifest"), b"manifest")


def test_lost_signing_key_is_not_made_anew(home: Path) -> None:
    keys.ensure()
    (home / "keys" / "signing-key.pem").unlink()
    assert keys.ensure() == []


def test_missing_keys_are_named(home: Path) -> None:
    with pytest.raises(KeyMissing, match="TOVGOV_DJANGO_KEY and TOVGOV_SECRET_KEYS"):
        keys.require()


def test_many_at_once_make_one_set(tmp_path: Path) -> None:
    names = ("TOVGOV_", "DATABASE_URL")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(names)}
    clean |= {"TOVGOV_VAR": str(tmp_path), "TOVGOV_ENV_FILE": str(tmp_path / "no.env")}
    command = [sys.executable, "-m", "tovgov.keys"]
    running = [subprocess.Popen(command, cwd=ROOT, env=clean, stdout=subprocess.PIPE, text=True) for _ in range(5)]
    said = [process.communicate(timeout=60)[0] for process in running]
    assert [process.returncode for process in running] == [0] * 5
    assert sum("made" in words for words in said) == 1
