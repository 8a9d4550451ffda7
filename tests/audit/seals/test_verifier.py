"""The file that verifies without tovgov: it runs alone, believes what is sound, and names what is not."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from audit.actors import Actor
from audit.exceptions import NotPermitted, NotSealed
from audit.models import ConnectionAuditLog, ImportSource
from audit.seals import checkpoints, merkle, proofs, retirement, verifier
from tests.audit.seals.conftest import add, execute
from tests.cast import Cast

TOVGOV = Actor.system("tests")
FILE = Path(verifier.__file__)


# --- Ed25519 ----------------------------------------------------------------------------------------------------------

VECTORS = [  # RFC 8032, section 7.1, tests 1 to 3: public key, message, signature
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize("vector", VECTORS, ids=["1", "2", "3"])
def test_the_vectors_of_the_rfc(vector: tuple[str, str, str]) -> None:
    public, message, signature = map(bytes.fromhex, vector)
    assert verifier.ed25519(public, message, signature)
    assert not verifier.ed25519(public, message + b"x", signature)


@given(st.binary(max_size=80), st.integers(0, 511), st.integers(0, 255))
def test_it_believes_what_cryptography_signs_and_nothing_else(message: bytes, bit: int, other: int) -> None:
    key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    public, signature = key.public_key().public_bytes_raw(), key.sign(message)
    assert verifier.ed25519(public, message, signature)
    flipped = bytearray(signature)
    flipped[bit // 8] ^= 1 << bit % 8
    assert not verifier.ed25519(public, message, bytes(flipped))
    changed = bytearray(public)
    changed[other // 8] ^= 1 << other % 8
    assert not verifier.ed25519(bytes(changed), message, signature)


@pytest.mark.parametrize(("public", "signature"), [(b"", b""), (b"\xff" * 32, b"\0" * 64), (b"\1" * 32, b"\xff" * 64)])
def test_nonsense_is_no_signature(public: bytes, signature: bytes) -> None:
    assert not verifier.ed25519(public, b"x", signature)


# --- trees ------------------------------------------------------------------------------------------------------------


@given(st.integers(1, 300), st.data())
def test_a_root_is_made_of_some_leaves_and_the_rest(size: int, data: st.DataObject) -> None:
    hashes = [merkle.leaf_hash(bytes([number % 251])) for number in range(size)]
    first = data.draw(st.integers(0, size - 1))
    last = data.draw(st.integers(first, size - 1))
    later = data.draw(st.integers(last, size - 1))
    ranges = [(first, last), *([(later + 1, later + 1)] if last < later < size - 1 else [])]

    class Memory:
        range_hash = staticmethod(merkle.range_hash_of(hashes))

    others = list(proofs._others(Memory(), 0, size, ranges))  # type: ignore[arg-type]
    some = {number: hashes[number] for a, b in ranges for number in range(a, b + 1)}
    assert verifier.root_with(size, some, others) == merkle.root(hashes)
    assert verifier.is_consistent(first, size, merkle.consistency_path(first, size, Memory.range_hash),
                                  merkle.root(hashes[:first]), merkle.root(hashes)) is (first > 0)  # fmt: skip


@given(st.lists(st.one_of(st.none(), st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))))
def test_a_line_taken_apart_is_made_again(values: list[str | None]) -> None:
    line = verifier.line_of(values)
    assert [proofs._text(field) for field in line.decode().split("\t")] == (values or [""])


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def key(keys: Path, tmp_path: Path) -> Path:
    """The public key, as it was kept elsewhere."""
    secret = serialization.load_pem_private_key((keys / "signing-key.pem").read_bytes(), None)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    path = tmp_path / "public.pem"
    path.write_bytes(secret.public_key().public_bytes(serialization.Encoding.PEM, form))
    return path


def run(*arguments: object) -> tuple[int, str]:
    """The file in a process of its own, isolated from everything that is installed here."""
    command = [sys.executable, "-I", "-S", str(FILE), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    return done.returncode, done.stdout + done.stderr


def test_it_needs_the_standard_library_alone() -> None:
    tree = ast.parse(FILE.read_text(), feature_version=(3, 9))
    wanted = {
        (node.module if isinstance(node, ast.ImportFrom) else alias.name) or ""
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert {name.split(".")[0] for name in wanted} <= sys.stdlib_module_names


@pytest.fixture
def bundle(source: ImportSource, key: Path, tmp_path: Path) -> Path:
    """Leaves 1 to 4 of six, with strange texts in one, under the second checkpoint."""
    checkpoints.make(source.seal_tree)
    add(source, 3, reason='back\\slash "quote" \t\n\r é', tls=None, client_address="::ffff:10.0.0.7")
    checkpoints.make(source.seal_tree)
    path = tmp_path / "bundle.zip"
    with path.open("wb") as out:
        assert proofs.write_bundle(source, out, actor=TOVGOV, first=1, last=7) == 7
    return path


def test_a_sound_bundle(bundle: Path, key: Path) -> None:
    status, words = run(bundle, "--key", key)
    assert (status, "Everything is as it was sealed." in words) == (0, True), words
    assert "samples of Club: 7 entries, leaves 1 to 7 of 9" in words


def altered(
    bundle: Path, change: Callable[[list[dict[str, Any]]], None], proof: Callable[[Any], None] | None = None
) -> Path:
    """The bundle again, with its entries changed."""
    path = bundle.with_name("altered.zip")
    with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(path, "w") as new:
        entries = [json.loads(line) for line in old.read("entries.jsonl").splitlines()]
        change(entries)
        facts = json.loads(old.read("proof.json"))
        if proof:
            proof(facts)
        new.writestr("entries.jsonl", "".join(json.dumps(entry) + "\n" for entry in entries))
        new.writestr("proof.json", json.dumps(facts))
        new.writestr("hashes.bin", old.read("hashes.bin"))
    return path


def _swap(entries: list[dict[str, Any]]) -> None:
    entries[0]["leaf"], entries[1]["leaf"] = 2, 1


CHANGES: dict[str, tuple[Callable[[list[dict[str, Any]]], Any], str]] = {
    "altered": (lambda entries: entries[2].update(role="nobody"), "leaf 3 was altered"),
    "NULL made empty": (lambda entries: entries[6].update(tls=""), "leaf 7 was altered"),
    "removed": (lambda entries: entries.pop(3), "leaf 4 is missing"),
    "put in": (lambda entries: entries.append(dict(entries[0])), "line 8 was put in: it says that it is leaf 1"),
    "put in beyond": (lambda entries: entries.append(entries[0] | {"leaf": 8}), "it says that it is leaf 8"),
    "exchanged": (_swap, "the entry at leaf 2 was sealed as leaf 1"),
    "reordered": (lambda entries: entries.reverse(), "leaf 6 stands after leaf 7"),
    "more than is sealed": (lambda entries: entries[0].update(note="x"), "holds what is not sealed: note"),
    "a column gone": (lambda entries: entries[0].pop("role"), "line 1 is no entry"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_bundle(bundle: Path, key: Path, name: str) -> None:
    change, says = CHANGES[name]
    status, words = run(altered(bundle, change), "--key", key)
    assert (status, says in words) == (1, True), words


def test_an_entry_and_its_hash_changed_together_do_not_make_the_tree(bundle: Path, key: Path) -> None:
    path = altered(bundle, lambda entries: entries[0].update(role="nobody"))
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    entry, columns = json.loads(parts["entries.jsonl"].splitlines()[0]), json.loads(parts["proof.json"])["columns"]
    forged = verifier.leaf_hash(verifier.line_of([entry[name] for name in columns[entry["log"]]]))
    parts["hashes.bin"] = forged + parts["hashes.bin"][32:]
    with zipfile.ZipFile(path, "w") as new:
        for name, text in parts.items():
            new.writestr(name, text)
    status, words = run(path, "--key", key)
    assert (status, "do not make the tree of the checkpoint" in words) == (1, True), words


def test_a_bundle_that_claims_fewer_leaves_is_found(bundle: Path, key: Path) -> None:
    path = altered(bundle, lambda entries: entries.pop(), lambda facts: facts.update(leaves=[[1, 6]]))
    assert run(path, "--key", key)[0] == 1


def test_another_key_is_not_believed(bundle: Path, keys: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    other.write_bytes(Ed25519PrivateKey.generate().public_key().public_bytes(serialization.Encoding.PEM, form))
    status, words = run(bundle, "--key", other)
    assert (status, "not signed by this key" in words) == (1, True)


def test_a_former_checkpoint_is_consistent(bundle: Path, source: ImportSource, key: Path, tmp_path: Path) -> None:
    former = tmp_path / "former.txt"
    former.write_text(source.seal_tree.checkpoints.get(number=1).note)
    assert run(bundle, "--key", key, "--checkpoint", former)[0] == 0
    path = altered(bundle, lambda entries: None, lambda facts: facts["grown_from"].clear())
    assert "no proof that the tree grew" in run(path, "--key", key, "--checkpoint", former)[1]
    add(source, 1)
    later = checkpoints.make(source.seal_tree)
    assert later is not None
    former.write_text(later.note)
    assert "vouches for 10 leaves; this export ends at 9" in run(bundle, "--key", key, "--checkpoint", former)[1]


@pytest.mark.parametrize("text", ["", "{}", "[]", "PK\x03\x04"])
def test_what_is_no_proof_cannot_be_read(key: Path, tmp_path: Path, text: str) -> None:
    path = tmp_path / "file"
    path.write_text(text)
    status, words = run(path, "--key", key)
    assert (status, "It cannot be read" in words) == (2, True), words


def test_retired_entries_are_left_out_and_the_rest_is_proved(source: ImportSource, key: Path, tmp_path: Path) -> None:
    retirement.retire(source, [(1, 3)], actor=TOVGOV)
    execute("DELETE FROM audit_connectionauditlog WHERE leaf BETWEEN 1 AND 3")
    checkpoints.make(source.seal_tree)
    path = tmp_path / "bundle.zip"
    with path.open("wb") as out:
        assert proofs.write_bundle(source, out, actor=TOVGOV) == 3
    status, words = run(path, "--key", key)
    assert (status, "leaves 0 to 0, 4 to 5 of 6" in words) == (0, True), words


# --- one entry --------------------------------------------------------------------------------------------------------


def test_one_entry_is_proved(source: ImportSource, key: Path, tmp_path: Path) -> None:
    checkpoints.make(source.seal_tree)
    proof = proofs.of_entry(ConnectionAuditLog.objects.get(leaf=4), actor=TOVGOV)
    path = tmp_path / "proof.json"
    path.write_text(json.dumps(proof))
    assert run(path, "--key", key)[0] == 0
    proof["entry"]["role"] = "nobody"
    path.write_text(json.dumps(proof))
    assert run(path, "--key", key)[0] == 1


def test_an_entry_without_a_checkpoint_has_no_proof(source: ImportSource) -> None:
    with pytest.raises(NotSealed):
        proofs.of_entry(ConnectionAuditLog.objects.get(leaf=4), actor=TOVGOV)


def test_who_may_not_export_gets_no_proof(source: ImportSource, keys: Path, cast: Cast) -> None:
    checkpoints.make(source.seal_tree)
    with pytest.raises(NotPermitted):
        proofs.of_entry(ConnectionAuditLog.objects.get(leaf=4), actor=Actor.person(cast.bob, "tests"))
