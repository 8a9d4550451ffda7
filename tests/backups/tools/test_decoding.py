"""A verifier that was given a damaged copy must fail: hundreds of seeded cuts, flips and additions."""

from __future__ import annotations

import io
import random
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import zstandard

from audit.exceptions import JobCancelled, KeyMissing, TovgovError
from backups.exceptions import CopyDamaged, DiskFull
from backups.tools.decoding import decode, decode_to_file
from backups.tools.encryption import Identity, Recipient, create_identity, load_identities
from backups.tools.pipeline import encode
from tests.backups.tools.conftest import FullDisk, shell

MEBI = 1 << 20
CASES = 150  # of each kind, for each of the four copies


@dataclass(frozen=True)
class Copy:
    """A stored copy, what is in it, and how to read it."""

    stored: bytes
    plain: bytes
    sha256: str
    identities: list[Identity] | None

    def decode(self, stored: bytes | None = None, sha256: str | None = None) -> bytes:
        sink = io.BytesIO()
        source = io.BytesIO(self.stored if stored is None else stored)
        decode(source, sink, identities=self.identities, sha256=self.sha256 if sha256 is None else sha256)
        return sink.getvalue()


KINDS = ("small-plain", "small-age", "large-plain", "large-age")


@pytest.fixture(scope="module")
def copies(
    tmp_path_factory: pytest.TempPathFactory, recipients: list[Recipient], identities: list[Identity]
) -> dict[str, Copy]:
    """Small: one block. Large: dozens of blocks, several jobs of the compressor, many chunks of age."""

    def make(kind: str) -> Copy:
        size, _, seal = kind.partition("-")
        folder = tmp_path_factory.mktemp(kind)
        seeded = random.Random(7)
        plain = b"".join(seeded.randbytes(50_000) + b"calm " * 30_000 for _ in range(24))
        plain = plain[: 30_000 if size == "small" else None]
        (folder / "plain").write_bytes(plain)
        with shell(f"cat '{folder}/plain'") as child:
            encoded = encode(child, folder / "copy", recipients=recipients if seal == "age" else [])
        return Copy((folder / "copy").read_bytes(), plain, encoded.sha256, identities if seal == "age" else None)

    return {kind: make(kind) for kind in KINDS}


@pytest.fixture(params=KINDS)
def copy(request: pytest.FixtureRequest, copies: dict[str, Copy]) -> Copy:
    return copies[request.param]


@pytest.fixture
def sealed(copies: dict[str, Copy]) -> Copy:
    """An encrypted copy."""
    return copies["large-age"]


def test_a_whole_copy_is_read(copy: Copy) -> None:
    assert copy.decode() == copy.plain


def test_every_truncation_is_found(copy: Copy) -> None:
    seeded = random.Random(1)
    lengths = {seeded.randrange(len(copy.stored)) for _ in range(CASES)} | {0, 1, 4, 5, 8, len(copy.stored) - 1}
    for length in lengths:
        with pytest.raises(CopyDamaged):
            copy.decode(copy.stored[:length])
        with pytest.raises(TovgovError):  # and without a manifest
            copy.decode(copy.stored[:length], sha256="")


def test_every_flipped_bit_is_found(copy: Copy) -> None:
    seeded = random.Random(2)
    for case in range(CASES):
        at = seeded.randrange(len(copy.stored)) if case > 30 else case
        altered = bytearray(copy.stored)
        altered[at] ^= 1 << seeded.randrange(8)
        with pytest.raises(CopyDamaged):
            copy.decode(bytes(altered))


def test_without_a_manifest_no_flipped_bit_alters_what_comes_out(copy: Copy) -> None:
    """Bits that zstd itself ignores (the size of its window, a reserved bit) may differ; data never."""
    seeded = random.Random(3)
    found = 0
    for case in range(CASES):
        at = seeded.randrange(len(copy.stored)) if case > 30 else case
        altered = bytearray(copy.stored)
        altered[at] ^= 1 << seeded.randrange(8)
        try:
            assert copy.decode(bytes(altered), sha256="") == copy.plain
        except (CopyDamaged, KeyMissing):
            found += 1
    assert found == CASES if copy.identities else found >= CASES - 4


def test_every_addition_removal_and_exchange_is_found(copy: Copy) -> None:
    seeded = random.Random(4)
    for case in range(CASES):
        at, other = sorted(seeded.sample(range(len(copy.stored)), 2))
        pieces = copy.stored[:at], copy.stored[at:other], copy.stored[other:]
        altered = (
            copy.stored + seeded.randbytes(case + 1),
            pieces[0] + pieces[2],
            pieces[0] + bytes(other - at) + pieces[2],
            pieces[0] + pieces[1] + pieces[1] + pieces[2],
            copy.stored + copy.stored,
        )[case % 5]
        if altered == copy.stored:
            continue
        with pytest.raises(CopyDamaged):
            copy.decode(altered)
        with pytest.raises(TovgovError):
            copy.decode(altered, sha256="")


def test_a_whole_copy_of_something_else_is_found(copy: Copy) -> None:
    with pytest.raises(CopyDamaged, match="SHA-256"):
        copy.decode(sha256="0" * 64)


def test_a_frame_without_a_checksum_is_refused() -> None:
    """Flipped bytes hide in it."""
    stored = zstandard.ZstdCompressor(write_checksum=False).compress(b"calm " * 1000)
    with pytest.raises(CopyDamaged, match="no checksum"):
        decode(io.BytesIO(stored), None, identities=None)


def test_an_encrypted_copy_read_as_plain_is_refused(sealed: Copy) -> None:
    with pytest.raises(CopyDamaged, match="does not begin as zstd"):
        decode(io.BytesIO(sealed.stored), None, identities=None, sha256=sealed.sha256)


def test_another_key_does_not_open_it(sealed: Copy, tmp_path: Path) -> None:
    create_identity(tmp_path / "other")
    with pytest.raises(KeyMissing, match="None of the age keys") as caught:
        decode(io.BytesIO(sealed.stored), None, identities=load_identities(tmp_path / "other"), sha256=sealed.sha256)
    assert "AGE-SECRET" not in str(caught.value) + caught.value.hint


def test_a_damaged_header_is_no_missing_key(sealed: Copy) -> None:
    """Both look alike to age; the SHA-256 of the manifest tells them apart."""
    altered = sealed.stored.replace(b"-> X25519 ", b"-> X25518 ", 1)
    with pytest.raises(CopyDamaged):
        sealed.decode(altered)


def test_no_file_is_left_of_a_damaged_copy(copy: Copy, tmp_path: Path) -> None:
    with pytest.raises(CopyDamaged):
        decode_to_file(io.BytesIO(copy.stored[:-1]), tmp_path / "plain", identities=copy.identities, sha256=copy.sha256)
    assert list(tmp_path.iterdir()) == []


def test_a_cancel_ends_decoding(sealed: Copy, tmp_path: Path) -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            time.sleep(0.3)
            return super().read(min(1000, size or 0) if size and size > 0 else 1000)

    with pytest.raises(JobCancelled):
        decode_to_file(Slow(sealed.stored), tmp_path / "plain", identities=sealed.identities, cancelled=lambda: True)
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_the_source_comes_out_as_it_is(sealed: Copy) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise ConnectionResetError("the destination went away")

    with pytest.raises(ConnectionResetError, match="went away"):
        decode(Broken(), None, identities=sealed.identities)


def test_a_full_disk_is_told_and_leaves_nothing(sealed: Copy, full_disk: FullDisk) -> None:
    folder = full_disk.with_room(len(sealed.plain) // 2)
    with pytest.raises(DiskFull):
        decode_to_file(io.BytesIO(sealed.stored), folder / "plain", identities=sealed.identities)
    assert [path.name for path in folder.iterdir()] == []


def test_a_disk_that_is_too_small_is_told_before_anything_is_read(sealed: Copy, full_disk: FullDisk) -> None:
    folder = full_disk.with_room(100_000)
    source = io.BytesIO(sealed.stored)
    with pytest.raises(DiskFull):
        decode_to_file(source, folder / "plain", identities=sealed.identities, expected_bytes=len(sealed.plain))
    assert source.tell() == 0
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("error", [-1000, 0, 1_000_000])
def test_a_wrong_guess_of_the_size_alters_nothing(sealed: Copy, tmp_path: Path, error: int) -> None:
    path, guess = tmp_path / "plain", len(sealed.plain) + error
    decode_to_file(io.BytesIO(sealed.stored), path, identities=sealed.identities, expected_bytes=guess)
    assert path.read_bytes() == sealed.plain


def test_a_plain_archive_is_for_our_eyes_only(sealed: Copy, tmp_path: Path) -> None:
    decode_to_file(io.BytesIO(sealed.stored), tmp_path / "plain", identities=sealed.identities)
    assert (tmp_path / "plain").stat().st_mode & 0o077 == 0


def test_a_bomb_is_unpacked_in_small_pieces(tmp_path: Path) -> None:
    """A gigabyte of nothing fits into 33 KB; memory must not notice."""
    packer = zstandard.ZstdCompressor(write_checksum=True).compressobj()
    stored = b"".join([*(packer.compress(bytes(MEBI)) for _ in range(1024)), packer.flush()])
    largest = 0

    class Sink:
        def write(self, data: bytes) -> int:
            nonlocal largest
            largest = max(largest, len(data))
            return len(data)

    assert decode(io.BytesIO(stored), Sink(), identities=None).dump_bytes == 1024 * MEBI
    assert largest <= MEBI // 4
