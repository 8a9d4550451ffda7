"""The verifier of packs: it runs alone, believes what is sound, and names what is not, to the byte."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.evidence import ask, verify
from audit.models import EvidencePack, Target
from audit.seals import verifier
from tests.audit.evidence.conftest import Make, file_of

pytestmark = pytest.mark.django_db(transaction=True)


def members_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as pack:
        return {name: pack.read(name) for name in pack.namelist()}


def write(path: Path, members: list[tuple[str, bytes]]) -> Path:
    """A ZIP as a forger who knows its form writes it."""
    directory, out = [], bytearray()
    for name, data in members:
        place = (name.encode(), len(data), zlib.crc32(data))
        directory.append(verify.central_header(*place, len(out)))
        out += verify.local_header(*place) + data
    lines = b"".join(directory)
    path.write_bytes(bytes(out) + lines + verify.end_record(len(directory), len(lines), len(out)))
    return path


def refused(path: Path, signer: str) -> list[str]:
    """What is wrong with it; fails when nothing is."""
    try:
        faults = verify.verify(str(path), signer).faults
    except verify.UNREADABLE as error:
        return [f"unreadable: {error}"]
    assert faults
    return faults


@pytest.fixture
def pack(make: Make, club: Target) -> EvidencePack:
    return make(club)


@pytest.fixture
def forge(pack: EvidencePack, tmp_path: Path) -> Callable[[Callable[[dict[str, bytes]], None]], list[str]]:
    """What the verifier says after ``change`` had its way with the members."""

    def forged(change: Callable[[dict[str, bytes]], None]) -> list[str]:
        members = members_of(file_of(pack))
        change(members)
        return refused(write(tmp_path / "forged.zip", list(members.items())), pack.signer)

    return forged


Forge = Callable[[Callable[[dict[str, bytes]], None]], list[str]]


def test_a_pack_written_again_is_the_same(pack: EvidencePack, tmp_path: Path) -> None:
    members = members_of(file_of(pack))
    assert write(tmp_path / "again.zip", list(members.items())).read_bytes() == file_of(pack).read_bytes()


# --- one byte ---------------------------------------------------------------------------------------------------------


def test_one_byte_changed_anywhere_in_the_zip_is_refused(pack: EvidencePack, tmp_path: Path) -> None:
    whole = file_of(pack).read_bytes()
    with zipfile.ZipFile(file_of(pack)) as file:
        infos = file.infolist()
        heads = [one.header_offset + at for one in infos for at in range(30 + len(one.filename.encode()))]
        directory = range(file.start_dir, len(whole))
        signature = file.getinfo("manifest.json.sig")
    sig = signature.header_offset + 30 + len(signature.filename)
    places = st.one_of(
        st.integers(0, len(whole) - 1), st.sampled_from(heads), st.sampled_from(directory), st.integers(sig, sig + 63)
    )

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(places, st.integers(1, 255))
    def changed(at: int, by: int) -> None:
        forged = bytearray(whole)
        forged[at] ^= by
        path = tmp_path / "byte.zip"
        path.write_bytes(forged)
        faults = refused(path, pack.signer)
        inside = [
            one
            for one in infos
            if one.header_offset <= at - 30 - len(one.filename.encode()) < one.header_offset + one.file_size
        ]
        if inside and inside[0].filename not in (verify.MANIFEST, verify.SIGNATURE, verify.KEY):
            assert any(inside[0].filename in fault for fault in faults)

    changed()


def test_one_byte_changed_in_a_member_is_refused_and_the_member_is_named(pack: EvidencePack, tmp_path: Path) -> None:
    members = members_of(file_of(pack))
    names = sorted(name for name, data in members.items() if data)

    @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.sampled_from(names), st.floats(0, 1, exclude_max=True), st.integers(1, 255))
    def changed(name: str, share: float, by: int) -> None:
        data = bytearray(members[name])
        data[int(share * len(data))] ^= by
        forged = write(tmp_path / "member.zip", list((members | {name: bytes(data)}).items()))
        assert any(name in fault for fault in refused(forged, pack.signer))

    changed()


def test_a_byte_behind_its_end_is_refused(pack: EvidencePack, tmp_path: Path) -> None:
    path = tmp_path / "longer.zip"
    path.write_bytes(file_of(pack).read_bytes() + b"\0")
    assert refused(path, pack.signer)


def test_a_byte_before_its_beginning_is_refused(pack: EvidencePack, tmp_path: Path) -> None:
    path = tmp_path / "earlier.zip"
    path.write_bytes(b"\0" + file_of(pack).read_bytes())
    assert refused(path, pack.signer)


def test_a_pack_cut_off_is_refused(pack: EvidencePack, tmp_path: Path) -> None:
    whole = file_of(pack).read_bytes()
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        path = tmp_path / "cut.zip"
        path.write_bytes(whole[:length])
        assert refused(path, pack.signer)


# --- members ----------------------------------------------------------------------------------------------------------


def test_each_member_that_is_removed_is_named(pack: EvidencePack, tmp_path: Path) -> None:
    members = members_of(file_of(pack))
    for name in members:
        rest = [(other, data) for other, data in members.items() if other != name]
        faults = refused(write(tmp_path / "less.zip", rest), pack.signer)
        assert any(name in fault for fault in faults), name


def test_a_member_that_was_added_is_named(forge: Forge) -> None:
    faults = forge(lambda members: members.update({"records/more.jsonl": b"{}\n"}))
    assert "records/more.jsonl was added." in faults


def test_two_members_whose_bytes_were_exchanged_are_named(forge: Forge) -> None:
    def exchange(members: dict[str, bytes]) -> None:
        first, second = "records/alerts.jsonl", "records/incidents.jsonl"
        members[first], members[second] = members[second], members[first]

    faults = forge(exchange)
    assert "records/alerts.jsonl: it holds what belongs to records/incidents.jsonl." in faults
    assert "records/incidents.jsonl: it holds what belongs to records/alerts.jsonl." in faults


def test_members_in_another_order_are_refused(forge: Forge) -> None:
    def reorder(members: dict[str, bytes]) -> None:
        members["README.md"] = members.pop("README.md")

    assert any("another order" in fault and "README.md" not in fault[:9] for fault in forge(reorder))


def test_a_member_that_is_there_twice_is_refused(pack: EvidencePack, tmp_path: Path) -> None:
    members = list(members_of(file_of(pack)).items())
    double = write(tmp_path / "double.zip", [*members, ("README.md", b"Trust me.")])
    assert any("README.md is there 2 times" in fault for fault in refused(double, pack.signer))


def test_a_compressed_pack_is_refused(pack: EvidencePack, tmp_path: Path) -> None:
    path = tmp_path / "small.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as small:
        for name, data in members_of(file_of(pack)).items():
            small.writestr(name, data)
    assert any("compressed" in fault for fault in refused(path, pack.signer))


# --- what a forger with a key of their own can do ---------------------------------------------------------------------


def resigned(members: dict[str, bytes], key: Ed25519PrivateKey) -> None:
    """Make the manifest fit the members again, and sign it with ``key``."""
    public = key.public_key()
    members[verify.KEY] = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    manifest = json.loads(members[verify.MANIFEST])
    manifest["signer"] = sha256(public.public_bytes_raw()).hexdigest()
    manifest["files"] = [
        one | {"bytes": len(members[one["name"]]), "sha256": sha256(members[one["name"]]).hexdigest()}
        for one in manifest["files"]
        if one["name"] in members
    ]
    members[verify.MANIFEST] = json.dumps(manifest).encode()
    members[verify.SIGNATURE] = key.sign(members[verify.MANIFEST])


def test_a_pack_that_another_signed_is_refused_where_the_signer_is_known(forge: Forge) -> None:
    faults = forge(lambda members: resigned(members, Ed25519PrivateKey.generate()))
    assert any("it is signed by" in fault for fault in faults)


def test_an_entry_that_its_builder_altered_does_not_fit_its_checkpoint(pack: EvidencePack, tmp_path: Path) -> None:
    """Whoever signs the pack cannot alter what a checkpoint of another key vouches for."""
    members = members_of(file_of(pack))
    (name,) = [one for one in members if "samples/entries" in one]
    members[name] = members[name].replace(b'"tovplay_app"', b'"somebody"', 1)
    resigned(members, Ed25519PrivateKey.generate())
    verdict = verify.verify(str(write(tmp_path / "forged.zip", list(members.items()))))
    assert any("leaf 0 was altered" in fault for fault in verdict.faults)


def test_a_ledger_entry_that_its_builder_left_out_is_named(
    pack: EvidencePack, make: Make, club: Target, tmp_path: Path
) -> None:
    members = members_of(file_of(make(club)))
    before = members[verify.LEDGER].splitlines(keepends=True)
    assert len(before) > 2
    members[verify.LEDGER] = before[0] + b"".join(before[2:])
    resigned(members, Ed25519PrivateKey.generate())
    verdict = verify.verify(str(write(tmp_path / "forged.zip", list(members.items()))))
    assert any("does not follow entry" in fault for fault in verdict.faults)


# --- it runs alone ----------------------------------------------------------------------------------------------------


def alone(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The verifier on a Python that sees nothing but its standard library."""
    return subprocess.run(
        [sys.executable, "-I", "-S", str(folder / "verify.py"), *words], capture_output=True, text=True, check=False,
        cwd=folder,
    )  # fmt: skip


@pytest.fixture
def unpacked(pack: EvidencePack, tmp_path: Path) -> Path:
    """The two files of the verifier, and the pack."""
    folder = tmp_path / "auditor"
    folder.mkdir()
    with zipfile.ZipFile(file_of(pack)) as file:
        for name in ("verify.py", "verifier.py", verify.KEY):
            (folder / name).write_bytes(file.read(name))
    shutil.copy(file_of(pack), folder / "pack.zip")
    return folder


def test_it_needs_the_standard_library_alone() -> None:
    for module in (verify, verifier):
        tree = ast.parse(Path(str(module.__file__)).read_text())
        wanted = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        wanted |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        names = {name.split(".")[0] for name in wanted} - {"audit", "verifier"}
        assert names <= set(sys.stdlib_module_names)


def test_alone_it_accepts_a_pack_whose_signer_was_named(pack: EvidencePack, unpacked: Path) -> None:
    answer = alone(unpacked, "pack.zip", "--signer", pack.signer)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert f"Everything is as it was signed by {pack.signer}." in answer.stdout
    assert "GAP: " in answer.stdout
    assert alone(unpacked, "pack.zip", "--key", verify.KEY).returncode == 0


def test_alone_it_says_when_no_signer_was_named(unpacked: Path) -> None:
    answer = alone(unpacked, "pack.zip")
    assert answer.returncode == 3
    assert "its key is its own word" in answer.stdout


def test_alone_it_refuses_one_byte(pack: EvidencePack, unpacked: Path) -> None:
    data = bytearray((unpacked / "pack.zip").read_bytes())
    data[data.index(b"Found by Dana.")] ^= 1
    (unpacked / "pack.zip").write_bytes(data)
    answer = alone(unpacked, "pack.zip", "--signer", pack.signer)
    assert answer.returncode == 1
    assert "NOT AS SIGNED: records/incidents.jsonl: it was altered." in answer.stdout


def test_alone_it_says_what_it_cannot_read(unpacked: Path) -> None:
    (unpacked / "pack.zip").write_bytes(b"nothing of the kind")
    assert alone(unpacked, "pack.zip").returncode == 2
    assert alone(unpacked, "verify.py", "--signer", "12").returncode == 2
    assert alone(unpacked, "missing.zip").returncode == 2


def test_openssl_and_sha256sum_agree(pack: EvidencePack, tmp_path: Path) -> None:
    folder = tmp_path / "open"
    with zipfile.ZipFile(file_of(pack)) as file:
        file.extractall(folder)
    signed = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", verify.KEY, "-rawin", "-in", verify.MANIFEST]
    answer = subprocess.run(
        [*signed, "-sigfile", verify.SIGNATURE], cwd=folder, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    answer = subprocess.run(["sha256sum", "-c", verify.SUMS], cwd=folder, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout


def test_our_own_keys_anchor_what_is_verified_here(pack: EvidencePack, keys: Path) -> None:
    assert ask.verify_file(file_of(pack)).is_anchored
    assert not ask.verify_file(file_of(pack), signer="0" * 64).is_anchored


def test_what_is_large_is_told_in_the_fields_of_zip64(tmp_path: Path) -> None:
    place = (b"a", 1 << 33, zlib.crc32(b"x"))
    assert len(verify.local_header(*place)) == 30 + 1 + 20
    assert len(verify.central_header(*place, 1 << 34)) == 46 + 1 + 28
    assert len(verify.end_record(70_000, 1 << 33, 1 << 34)) == 56 + 20 + 22
    many = write(tmp_path / "many.zip", [(f"{at}", b"") for at in range(66_000)])
    with zipfile.ZipFile(many) as file:
        assert len(file.namelist()) == 66_000
