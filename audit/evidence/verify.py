#!/usr/bin/env python3
"""Verify an evidence pack of tovgov, without tovgov. Python 3.9 or later, ``verifier.py`` beside it, nothing else.

    python3 verify.py PACK.zip --signer FINGERPRINT
    python3 verify.py PACK.zip --key signing-key.pub.pem

FINGERPRINT is SHA-256 of the signer's public key, 64 hex digits. Take it, or the key, from a place that you trust, and
not from whoever gave you the pack; best take this file from there too. Exit status 0: everything is as it was signed,
by that signer. 3: the pack fits together, but you named no signer, so anybody may have made it. 1: something is
altered, missing, added or in another place. 2: it cannot be read.

A pack is a ZIP whose every byte follows from its members: nothing is compressed, no date is kept. manifest.json names
the members in their order with SHA-256; manifest.json.sig signs it (Ed25519). Inside, the sealed entries are checked
against their checkpoints (``verifier.py``), the ledger's entries against their hash chain, and the manifests of backups
against their signatures.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import io
import json
import struct
import sys
import zipfile
import zlib
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __package__:
    from audit.seals import verifier
else:
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    import verifier  # type: ignore[import-not-found,no-redef]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

FORMAT = "tovgov evidence pack"
MANIFEST, SIGNATURE, KEY = "manifest.json", "manifest.json.sig", "signing-key.pub.pem"
HEAD = (MANIFEST, SIGNATURE)
SUMS, STAMP = "SHA256SUMS", "time-stamp.tsr"
LEDGER = "ledger/entries.jsonl"
CHUNK = 1 << 20
UNREADABLE = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, LookupError, TypeError, AttributeError,
              ArithmeticError, NotImplementedError, RuntimeError, struct.error, StopIteration)  # fmt: skip
"""What reading damaged bytes may raise. Each is told as a finding; none lets a pack pass."""

# --- a ZIP of which every byte is known -------------------------------------------------------------------------------

LIMIT = 0xFFFFFFFF
"""What is as large as this is told in ZIP64's fields (APPNOTE 4.5.3)."""
VERSION, MADE_BY, UTF8, NO_TIME, FIRST_DAY, MODE = 45, 0x032D, 0x0800, 0, 0x0021, 0o100644 << 16


def local_header(name: bytes, size: int, crc: int) -> bytes:
    """What stands before a member's bytes."""
    extra = struct.pack("<HHQQ", 1, 16, size, size) if size >= LIMIT else b""
    shown = min(size, LIMIT)
    return (
        struct.pack("<4s5H3I2H", b"PK\3\4", VERSION, UTF8, 0, NO_TIME, FIRST_DAY, crc, shown, shown, len(name),
                    len(extra)) + name + extra
    )  # fmt: skip


def central_header(name: bytes, size: int, crc: int, offset: int) -> bytes:
    """A member's line in the directory at the end."""
    wide = ([size, size] if size >= LIMIT else []) + ([offset] if offset >= LIMIT else [])
    extra = struct.pack(f"<HH{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
    shown = min(size, LIMIT)
    return (
        struct.pack("<4s6H3I5H2I", b"PK\1\2", MADE_BY, VERSION, UTF8, 0, NO_TIME, FIRST_DAY, crc, shown, shown,
                    len(name), len(extra), 0, 0, 0, MODE, min(offset, LIMIT)) + name + extra
    )  # fmt: skip


def end_record(count: int, length: int, start: int) -> bytes:
    """What stands after the directory of ``count`` lines and ``length`` bytes that begins at ``start``."""
    wide = b""
    if count >= 0xFFFF or start >= LIMIT or length >= LIMIT:
        wide = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, MADE_BY, VERSION, 0, 0, count, count, length, start)
        wide += struct.pack("<4sIQI", b"PK\6\7", 0, start + length, 1)
    shown = min(count, 0xFFFF)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, shown, shown, min(length, LIMIT), min(start, LIMIT), 0)
    return wide + end


def check_layout(path: str, members: Sequence[tuple[str, int]], verdict: Verdict) -> None:
    """Whether the file is what a pack of these members must be, byte for byte: no date, no comment, nothing between."""
    directory, offset = [], 0
    with Path(path).open("rb") as file:
        for name, size in members:
            raw = name.encode()
            file.seek(offset + len(local_header(raw, size, 0)))
            crc, left = 0, size
            while left and (piece := file.read(min(CHUNK, left))):
                crc, left = zlib.crc32(piece, crc), left - len(piece)
            header = local_header(raw, size, crc)
            file.seek(offset)
            if file.read(len(header)) != header:
                verdict.alter(name, "what the ZIP says of it was altered")
            directory.append((name, central_header(raw, size, crc, offset)))
            offset += len(header) + size
        start = offset
        file.seek(offset)
        for name, line in directory:
            if file.read(len(line)) != line:
                verdict.alter(name, "its line in the ZIP's directory was altered")
            offset += len(line)
        end = end_record(len(directory), offset - start, start)
        if file.read(len(end) + 1) != end:
            verdict.fault("the end of the ZIP was altered, or something was put behind it.")


# --- what was found ---------------------------------------------------------------------------------------------------


class Verdict:
    """What a pack was found to be. ``faults`` is empty when everything is as it was signed."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.faults: list[str] = []
        self.altered: set[str] = set()
        self.signer = ""
        self.is_anchored = False
        self.manifest: dict[str, Any] = {}

    def say(self, sentence: str) -> None:
        self.said.append(sentence)

    def fault(self, sentence: str) -> None:
        self.faults.append(sentence)

    def alter(self, name: str, how: str) -> None:
        """Tell once of each member that it is not as it was."""
        if name not in self.altered:
            self.altered.add(name)
            self.fault(f"{name}: {how}.")


class Pack:
    """A ZIP that is open, and what was found of it."""

    def __init__(self, file: zipfile.ZipFile, verdict: Verdict) -> None:
        self.file, self.verdict = file, verdict
        self.names = [one.filename for one in file.infolist()]

    def read(self, name: str) -> bytes:
        """A member's bytes; those that its CRC does not fit, too: SHA-256 is what counts here."""
        with self.open(name) as file:
            data: bytes = file.read()
        return data

    def open(self, name: str) -> Any:
        info = self.file.getinfo(name)
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
            raise ValueError("it is compressed or encrypted, and nothing in a pack is")
        info = copy.copy(info)
        del info.CRC  # it would end the reading before we could say more; the layout is checked with it
        return self.file.open(info)

    def json(self, name: str) -> Any:
        return json.loads(self.read(name))

    def lines(self, name: str) -> Iterator[bytes]:
        with self.open(name) as file:
            yield from file

    def below(self, folder: str, ending: str) -> list[str]:
        return [name for name in self.names if name.startswith(folder) and name.endswith(ending)]


# --- the manifest -----------------------------------------------------------------------------------------------------


def check_manifest(pack: Pack, anchor: str) -> bytes:
    """The signature and its signer; the public key."""
    verdict, public = pack.verdict, b""
    with _told(pack, MANIFEST):
        manifest = pack.json(MANIFEST)
        if manifest["format"] != FORMAT or manifest["version"] != 1:
            raise ValueError(f"this verifier reads version 1 of “{FORMAT}”")
        verdict.manifest = manifest
    with _told(pack, KEY):
        public = verifier.key_in(pack.read(KEY).decode(), KEY)
        verdict.signer = sha256(public).hexdigest()
    with _told(pack, SIGNATURE):
        if not public or not verifier.ed25519(public, pack.read(MANIFEST), pack.read(SIGNATURE)):
            verdict.fault(f"{SIGNATURE} does not sign {MANIFEST}: one of them or {KEY} was altered.")
    if verdict.signer and verdict.signer != verdict.manifest.get("signer"):
        verdict.alter(KEY, f"it is not the key that {MANIFEST} names")
    if anchor and verdict.signer != anchor:
        verdict.fault(f"it is signed by {verdict.signer or 'nobody'}, not by {anchor}.")
    verdict.is_anchored = bool(anchor) and verdict.signer == anchor
    return public


def check_members(pack: Pack) -> list[tuple[str, int]]:
    """Every member against the manifest: which is missing, added, altered, exchanged or in another place. The members
    with their sizes, as they must be."""
    verdict, found = pack.verdict, pack.names
    listed = {one["name"]: one for one in verdict.manifest.get("files", [])}
    wanted = [*HEAD, *listed]
    for name in wanted:
        if name not in found:
            verdict.fault(f"{name} is missing.")
    for name in sorted(set(found)):
        if name not in wanted:
            verdict.fault(f"{name} was added.")
        if found.count(name) > 1:
            verdict.fault(f"{name} is there {found.count(name)} times.")
    if sorted(found) == sorted(wanted) and found != wanted:
        first = next(name for name, other in zip(found, wanted) if name != other)  # noqa: B905  # Python 3.9
        verdict.fault(f"the members are in another order: {first} is the first that is not in its place.")
    by_hash = {one["sha256"]: name for name, one in listed.items()}
    for name, one in listed.items():
        if name in found:
            with _told(pack, name):
                _check_member(pack, name, one, by_hash)
    head = [(name, len(pack.read(name))) for name in HEAD if name in found]
    return head + [(name, one["bytes"]) for name, one in listed.items()]


def _check_member(pack: Pack, name: str, listed: dict[str, Any], by_hash: dict[str, str]) -> None:
    digest, size = sha256(), 0
    with pack.open(name) as file:
        while piece := file.read(CHUNK):
            digest.update(piece)
            size += len(piece)
    found = digest.hexdigest()
    if found != listed["sha256"]:
        other = by_hash.get(found)
        pack.verdict.alter(name, f"it holds what belongs to {other}" if other else "it was altered")
    elif size != listed["bytes"]:
        pack.verdict.alter(name, f"it has {size} bytes, not {listed['bytes']}")


@contextlib.contextmanager
def _told(pack: Pack, name: str) -> Iterator[None]:
    try:
        yield
    except UNREADABLE as error:
        pack.verdict.alter(name, f"it cannot be read ({type(error).__name__}: {error})")


# --- what is in it ----------------------------------------------------------------------------------------------------


def check_seals(pack: Pack, keys: dict[str, bytes], folder: str) -> None:
    """The sealed entries of one source against its checkpoint, and the checkpoints before it against it."""
    proof = pack.json(folder + "proof.json")
    note = verifier.Note(proof["checkpoint"])
    key = _signer_of(note, keys)
    found, heard = verifier.Findings(), io.StringIO()
    with contextlib.redirect_stdout(heard):
        lines = pack.lines(folder + "entries.jsonl")
        verifier.check(proof, proof["leaves"], pack.read(folder + "hashes.bin"), lines, key, found)
    pack.verdict.say(heard.getvalue().strip() + _left_out(proof["leaves"], proof.get("retired", [])))
    for sentence in found.all():
        pack.verdict.fault(f"{folder}entries.jsonl: {sentence}")
    _check_checkpoints(pack, note, proof, folder + "checkpoints.jsonl")


def _left_out(leaves: list[list[int]], retired: list[list[int]]) -> str:
    """What lies between the entries of a source and is not in the pack, said aloud: nothing here can show why."""
    if not leaves:
        return ""
    between = leaves[-1][1] - leaves[0][0] + 1 - sum(last - first + 1 for first, last in leaves)
    gone = sum(last - first + 1 for first, last in retired)
    words = f"; {gone} between them were retired" if gone else ""
    rest = between - gone
    return words + (f"; {rest} between them are of other times, says tovgov" if rest else "")


def _check_checkpoints(pack: Pack, note: verifier.Note, proof: dict[str, Any], name: str) -> None:
    """Each checkpoint names the one before it by SHA-256, up to the one whose signature was checked; and the tree of
    each grew into the next."""
    texts = [json.loads(line)["note"] for line in pack.lines(name)]
    if not texts or texts[-1] != proof["checkpoint"]:
        pack.verdict.fault(f"{name} does not end with the checkpoint of the proof.")
    for former, text in zip(texts, texts[1:]):  # noqa: B905, RUF007  # Python 3.9
        facts = dict(line.split(" ", 1) for line in text.partition("\n\n")[0].split("\n")[3:])
        if facts["former"] != sha256(former.encode()).hexdigest():
            pack.verdict.fault(f"{name}: checkpoint {facts['number']} does not follow the one before it.")
    for text in texts[:-1]:
        former = verifier.Note(text)
        path = verifier.decoded(proof["grown_from"].get(str(former.size), []))
        if former.origin != note.origin or not verifier.is_consistent(former.size, note.size, path, former.root,
                                                                      note.root):  # fmt: skip
            pack.verdict.fault(f"{name}: the tree of {former.at} did not grow into that of {note.at}.")


def _signer_of(note: verifier.Note, keys: dict[str, bytes]) -> bytes:
    """The key that signed a note; the pack's own when none did, which is then said."""
    return next((key for key in keys.values() if note.is_signed_by(key)), next(iter(keys.values())))


def check_ledger(pack: Pack) -> dict[int, str]:
    """The ledger's entries against their hashes and their chain; number → hash. Of entries that concern other targets
    only number and hashes are there: they carry the chain and show nothing else."""
    hashes: dict[int, str] = {}
    before, whole = None, 0
    for line in pack.lines(LEDGER):
        entry = json.loads(line)
        number, value = entry["number"], entry.pop("hash")
        if before is not None and (number, entry["previous_hash"]) != (before[0] + 1, before[1]):
            pack.verdict.fault(f"{LEDGER}: entry {number} does not follow entry {before[0]}.")
        if len(entry) > 2:
            whole += 1
            text = json.dumps(entry, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
            if sha256(text.encode()).hexdigest() != value:
                pack.verdict.fault(f"{LEDGER}: entry {number} was altered.")
            if entry["action"] == "ledger.fault":
                pack.verdict.fault(f"{LEDGER}: entry {number} records: {entry['detail'].get('fault')}")
        hashes[number], before = value, (number, value)
    if hashes:
        numbers = sorted(hashes)
        pack.verdict.say(f"Ledger: entries {numbers[0]} to {numbers[-1]}, {whole} of them whole, chained.")
    return hashes


def check_backups(pack: Pack, keys: dict[str, bytes], ledger: dict[int, str]) -> None:
    """Each backup's manifest against its signature, and the ledger's hash that it vouches for."""
    count = 0
    for name in pack.below("backups/", "/manifest.json"):
        data, signature = pack.read(name), pack.read(name + ".sig")
        if not any(verifier.ed25519(key, data, signature) for key in keys.values()):
            pack.verdict.fault(f"{name} is not signed by a key of this pack.")
        facts = json.loads(data)
        number = facts.get("ledger_number")
        if ledger.get(number, facts.get("ledger_hash")) != facts.get("ledger_hash"):
            pack.verdict.fault(f"{LEDGER}: entry {number} is not the one that {name} vouches for.")
        count += 1
    if count:
        pack.verdict.say(f"Backups: {count} signed manifests.")


def check_stamp(pack: Pack) -> None:
    """Whether the time stamp is of this pack's SHA256SUMS. Whose it is, only ``openssl ts -verify`` can say."""
    if STAMP not in pack.names:
        pack.verdict.say("Time stamp: " + (pack.verdict.manifest.get("time_stamp") or "none."))
        return
    at, imprint = stamped(pack.read(STAMP))
    if imprint != sha256(pack.read(SUMS)).digest():
        pack.verdict.fault(f"{STAMP} is the time stamp of something else.")
    pack.verdict.say(
        f"Time stamp: {at} (RFC 3161). Its own signature is not checked here: openssl ts -verify -data {SUMS} -in"
        f" {STAMP} -CAfile THE-AUTHORITY.pem"
    )


def stamped(answer: bytes) -> tuple[str, bytes]:
    """The time and the hash that a TimeStampResp states (RFC 3161, 2.4.2), unproved."""
    _, response = next(_der(answer))
    parts = list(_der(response))
    signed = list(_der(next(_der(list(_der(parts[1][1]))[1][1]))[1]))
    info = next(_der(list(_der(signed[2][1]))[1][1]))[1]
    _, content = next(_der(info))
    fields = list(_der(content))
    imprint = list(_der(fields[2][1]))[1][1]
    text = next(value for tag, value in fields if tag == 0x18).decode()
    return f"{text[:4]}-{text[4:6]}-{text[6:8]} {text[8:10]}:{text[10:12]}:{text[12:14]} UTC", imprint


def _der(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The values that lie side by side in DER: tag and content (X.690)."""
    at = 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            count = length & 0x7F
            length, at = int.from_bytes(data[at : at + count], "big"), at + count
        if at + length > len(data):
            raise ValueError("a value is longer than its surroundings")
        yield tag, data[at : at + length]
        at += length


def _keys(pack: Pack, public: bytes) -> dict[str, bytes]:
    """The pack's signer first, then the former keys that it vouches for."""
    keys = {sha256(public).hexdigest(): public}
    for name in pack.below("keys/", ".pem"):
        key = verifier.key_in(pack.read(name).decode(), name)
        keys.setdefault(sha256(key).hexdigest(), key)
    return keys


# --- all of it --------------------------------------------------------------------------------------------------------


def verify(path: str, anchor: str = "", tell: Callable[[str], None] = lambda what: None) -> Verdict:
    """Everything about one pack. ``anchor`` is the fingerprint of the signer whom you trust; ``tell`` hears what is
    looked at. A file that is no ZIP raises ``zipfile.BadZipFile`` or ``OSError``."""
    verdict = Verdict()
    with zipfile.ZipFile(path) as file:
        pack = Pack(file, verdict)
        tell("the manifest and its signature")
        public = check_manifest(pack, anchor)
        tell("every member")
        members: list[tuple[str, int]] = []
        with _told(pack, MANIFEST):
            members = check_members(pack)
        if not verdict.faults:
            check_layout(path, members, verdict)
        if public:
            _check_content(pack, public, tell)
    return verdict


def _check_content(pack: Pack, public: bytes, tell: Callable[[str], None]) -> None:
    keys, ledger = {"": public}, {}
    with _told(pack, "keys/"):
        keys = _keys(pack, public)
    for name in pack.below("sealed/", "/proof.json"):
        folder = name[: -len("proof.json")]
        tell(folder)
        with _told(pack, name):
            check_seals(pack, keys, folder)
    if LEDGER in pack.names:
        tell("the ledger")
        with _told(pack, LEDGER):
            ledger = check_ledger(pack)
    tell("the manifests of backups")
    with _told(pack, "backups/"):
        check_backups(pack, keys, ledger)
    with _told(pack, STAMP):
        check_stamp(pack)


def fingerprint_of(options: argparse.Namespace) -> str:
    """The fingerprint that was named. Raises ``ValueError`` for what is none."""
    if options.key:
        return sha256(verifier.public_key(options.key)).hexdigest()
    text: str = (options.signer or "").replace(":", "").replace(" ", "").lower()
    if text and (len(text) != 64 or set(text) - set("0123456789abcdef")):
        raise ValueError("a fingerprint has 64 hex digits")
    return text


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack")
    parser.add_argument("--signer", default="", help="SHA-256 of the signer's public key, from a place that you trust")
    parser.add_argument("--key", default="", help="or the key itself, in PEM form")
    options = parser.parse_args(arguments)
    try:
        verdict = verify(options.pack, fingerprint_of(options))
    except UNREADABLE as error:
        print(f"It cannot be read: {error}", file=sys.stderr)
        return 2
    for sentence in verdict.said:
        print(sentence)
    for sentence in verdict.manifest.get("gaps", []):
        print("GAP: " + sentence)
    for sentence in verdict.faults:
        print("NOT AS SIGNED: " + sentence)
    if verdict.faults:
        return 1
    if verdict.is_anchored:
        print(f"Everything is as it was signed by {verdict.signer}.")
        return 0
    print(
        f"The pack fits together, and no more was shown: its key is its own word for {verdict.signer}. Ask whom you"
        " trust for the signer's fingerprint, and say it with --signer."
    )
    return 3


if __name__ == "__main__":
    sys.exit(main())
