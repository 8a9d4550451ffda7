"""A manifest is believed only as it was signed, and only when a known key signed it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.exceptions import KeyMissing, SigningKeyInvalid
from audit.postgres.rows import LargeObjects, TableState
from backups import manifest as manifests
from backups import signing
from backups.exceptions import ManifestInvalid
from backups.manifest import Dump, Manifest, SequenceSpan

MANIFEST = Manifest(
    name="tovplay.TovPlay.20260721T101530Z.manual",
    kind="manual",
    target='TovPlay "prod"; 😀',
    environment="production",
    database="TovPlay",
    database_oid=16_384,
    system_identifier="7445190000000000001",
    server_version=160_014,
    tool="pg_dump (PostgreSQL) 18.4",
    snapshot_at=datetime(2026, 7, 21, 10, 15, 30, 123456, UTC),
    lsn="0/1A2B3C48",
    database_bytes=9_412_608,
    tables=[TableState("public", "User", 23, "12345678901234567890123")],
    large_objects=LargeObjects(0, 0, "0"),
    sequences=[SequenceSpan("public", "serial_id_seq", 5, 7, True, True)],
    schema_fingerprint="ab" * 32,
    owners_fingerprint="ac" * 32,
    database_facts={"owner": "tovplay"},
    dump=Dump("a.dump.zst.age", 1000, 300, "cd" * 32, ["age1xyz"]),
    side_files={"globals.json": "ef" * 32},
    ledger_number=12,
    ledger_hash="01" * 32,
)


def write_key(path: Path, key: Any) -> None:
    pem = serialization.Encoding.PEM
    path.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


def write_public(path: Path, key: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    path.write_bytes(public)


@pytest.fixture(autouse=True)
def keys(tmp_path: Path, settings: Any) -> Path:
    settings.TOVGOV_KEYS = tmp_path
    write_key(tmp_path / "signing-key.pem", Ed25519PrivateKey.generate())
    return tmp_path


def test_what_was_signed_comes_back_equal() -> None:
    data, signature = manifests.sign(MANIFEST)
    assert manifests.load_and_check(data, signature) == MANIFEST
    assert Manifest.from_dict(json.loads(json.dumps(MANIFEST.to_dict()))) == MANIFEST


def test_openssl_agrees(tmp_path: Path, keys: Path) -> None:
    data, signature = manifests.sign(MANIFEST)
    (tmp_path / "m").write_bytes(data)
    (tmp_path / "s").write_bytes(signature)
    command = ["openssl", "pkeyutl", "-verify", "-inkey", keys / "signing-key.pem", "-rawin", "-in", tmp_path / "m"]
    subprocess.run([*command, "-sigfile", tmp_path / "s"], check=True, capture_output=True)


@pytest.mark.parametrize("at", [0, 100, -2])
def test_an_altered_manifest_is_refused(at: int) -> None:
    data, signature = manifests.sign(MANIFEST)
    altered = bytearray(data)
    altered[at] ^= 1
    with pytest.raises(ManifestInvalid, match="altered"):
        manifests.load_and_check(bytes(altered), signature)


@pytest.mark.parametrize("signature", [b"", b"x" * 64, b"x" * 10])
def test_a_broken_signature_is_refused(signature: bytes) -> None:
    data, _ = manifests.sign(MANIFEST)
    with pytest.raises(ManifestInvalid):
        manifests.load_and_check(data, signature)


def test_an_unknown_key_is_refused_and_a_trusted_former_one_is_not(keys: Path) -> None:
    data, signature = manifests.sign(MANIFEST)
    former = signing.signing_key()
    write_key(keys / "signing-key.pem", Ed25519PrivateKey.generate())
    with pytest.raises(ManifestInvalid, match="a key we do not know"):
        manifests.load_and_check(data, signature)
    write_public(keys / "trusted-signers" / "former.pem", former)
    assert manifests.load_and_check(data, signature) == MANIFEST
    (keys / "signing-key.pem").unlink()
    assert manifests.load_and_check(data, signature) == MANIFEST


def test_a_lost_signing_key_is_named(keys: Path) -> None:
    data, signature = manifests.sign(MANIFEST)
    (keys / "signing-key.pem").unlink()
    with pytest.raises(KeyMissing, match=r"signing-key\.pem"):
        manifests.sign(MANIFEST)
    with pytest.raises(KeyMissing):
        manifests.load_and_check(data, signature)


def test_a_key_of_another_kind_is_refused(keys: Path) -> None:
    write_key(keys / "signing-key.pem", generate_private_key(SECP256R1()))
    with pytest.raises(SigningKeyInvalid):
        manifests.sign(MANIFEST)
    (keys / "signing-key.pem").write_text("not a key")
    with pytest.raises(SigningKeyInvalid):
        manifests.sign(MANIFEST)


def test_a_trusted_signer_that_is_no_key_is_named(keys: Path) -> None:
    write_public(keys / "trusted-signers" / "bad.pem", generate_private_key(SECP256R1()))
    with pytest.raises(SigningKeyInvalid, match=r"bad\.pem"):
        signing.check(b"x", b"y" * 64)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"not json", "not JSON"),
        (b"[]", "not a manifest"),
        (b"{}", "not a manifest"),
        (json.dumps(MANIFEST.to_dict() | {"version": 2}).encode(), "of version 2"),
        (json.dumps({k: v for k, v in MANIFEST.to_dict().items() if k != "dump"}).encode(), "incomplete"),
        (json.dumps(MANIFEST.to_dict() | {"tables": [{"schema": "x"}]}).encode(), "incomplete"),
    ],
)
def test_signed_nonsense_is_still_nonsense(data: bytes, says: str) -> None:
    with pytest.raises(ManifestInvalid, match=says):
        manifests.load_and_check(data, signing.sign(data))


def test_a_sequence_may_have_moved_while_it_was_dumped() -> None:
    span = MANIFEST.sequences[0]
    assert [span.holds(value, True) for value in (4, 5, 6, 7, 8)] == [False, True, True, True, False]
    assert replace(span, before=-5, after=-7).holds(-6, True)


def test_a_sequence_that_stood_still_stands_exactly_there() -> None:
    span = SequenceSpan("public", "s", 1, 1, False, False)
    assert [span.holds(1, False), span.holds(1, True), span.holds(2, False)] == [True, False, False]
    first_call = replace(span, is_called=True)
    assert first_call.holds(1, False)
    assert first_call.holds(1, True)


def test_one_backup_has_one_manifest() -> None:
    assert manifests.sign(MANIFEST)[0] == manifests.sign(Manifest.from_dict(MANIFEST.to_dict()))[0]
