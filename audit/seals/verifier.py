#!/usr/bin/env python3
"""Verify entries that tovgov has sealed, without tovgov. Python 3.9 or later and nothing else.

    python3 verifier.py EXPORT.zip  --key signing-key.pub.pem [--checkpoint NOTE.txt ...]
    python3 verifier.py PROOF.json  --key signing-key.pub.pem

EXPORT.zip holds entries.jsonl, hashes.bin and proof.json; PROOF.json is one entry with its proof. Take the public
key from a place you trust, not from whoever gave you the file. Exit status 0: everything is as it was sealed. 1:
something is not. 2: it cannot be read.

An entry's leaf is its line as PostgreSQL's COPY writes it. Trees and proofs are those of RFC 6962 and RFC 9162; notes
are signed as C2SP signed-note says; Ed25519 is that of RFC 8032, section 5.1.7, written for reading and not for speed.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
import zipfile
from hashlib import sha256, sha512
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Point = tuple[int, int, int, int]

HASH = 32
NAMED = 20

# --- Ed25519, RFC 8032 section 5.1 ------------------------------------------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def _recover_x(y: int, sign: int) -> int | None:
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    return P - x if x & 1 != sign else x


def _point(raw: bytes) -> Point | None:
    number = int.from_bytes(raw, "little")
    y, sign = number & ((1 << 255) - 1), number >> 255
    x = _recover_x(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


def _add(p: Point, q: Point) -> Point:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _times(scalar: int, point: Point) -> Point:
    total = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            total = _add(total, point)
        point, scalar = _add(point, point), scalar >> 1
    return total


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE = _point(BASE_Y.to_bytes(32, "little"))


def ed25519(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether ``signature`` is that of ``message`` under the 32-byte ``public`` key."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key, r, s = _point(public), _point(signature[:32]), int.from_bytes(signature[32:], "little")
    if key is None or r is None or s >= L:
        return False
    k = int.from_bytes(sha512(signature[:32] + public + message).digest(), "little") % L
    assert BASE is not None
    left, right = _times(s, BASE), _add(r, _times(k, key))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


# --- trees, RFC 9162 section 2.1 --------------------------------------------------------------------------------------


def leaf_hash(line: bytes) -> bytes:
    return sha256(b"\x00" + line).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def root_with(size: int, leaves: dict[int, bytes], others: list[bytes]) -> bytes:
    """The root of a tree of ``size`` leaves, of which ``leaves`` maps some ascending numbers to hashes; ``others``
    gives the roots of the largest parts that hold none of them, from left to right."""
    numbers, rest = list(leaves), iter(others)

    def part(first: int, end: int, lowest: int, highest: int) -> bytes:
        if lowest == highest:
            return next(rest)
        if end - first == 1:
            return leaves[numbers[lowest]]
        middle = first + (1 << (end - first - 1).bit_length() - 1)
        low, high = lowest, highest
        while low < high:
            half = (low + high) // 2
            low, high = (half + 1, high) if numbers[half] < middle else (low, half)
        return node_hash(part(first, middle, lowest, low), part(middle, end, low, highest))

    found = part(0, size, 0, len(numbers)) if size else sha256(b"").digest()
    if next(rest, None) is not None:
        raise ValueError("there are more hashes than the tree has room for")
    return found


def is_consistent(old: int, new: int, path: list[bytes], old_root: bytes, new_root: bytes) -> bool:
    """RFC 9162, 2.1.4.2."""
    if old == new:
        return not path and old_root == new_root
    if not 0 < old < new or not path:
        return False
    path = list(path)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for one in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node_hash(one, fr), node_hash(one, sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, one)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == old_root and sr == new_root


# --- notes ------------------------------------------------------------------------------------------------------------


class Note:
    """A checkpoint: ``origin``, ``size``, ``root`` and ``at``."""

    def __init__(self, text: str) -> None:
        body, _, self.marks = text.partition("\n\n")
        self.body = body + "\n"
        lines = body.split("\n")
        self.origin, self.size, self.root = lines[0], int(lines[1]), base64.b64decode(lines[2], validate=True)
        facts = dict(line.split(" ", 1) for line in lines[3:])
        self.at, self.source = facts["at"], facts["source"]

    def is_signed_by(self, public: bytes) -> bool:
        name = "tovgov-" + sha256(public).hexdigest()[:16]
        mark = sha256(name.encode() + b"\n\x01" + public).digest()[:4]
        for line in self.marks.splitlines():
            words = line.split(" ")
            if len(words) == 3 and words[1] == name:
                raw = base64.b64decode(words[2])
                if raw[:4] == mark and ed25519(public, self.body.encode(), raw[4:]):
                    return True
        return False


def public_key(path: str) -> bytes:
    """The 32 bytes of an Ed25519 public key in PEM form (RFC 8410)."""
    return key_in(Path(path).read_text(), path)


def key_in(text: str, name: str) -> bytes:
    """The same, of the text of a file that messages call ``name``."""
    lines = text.strip().splitlines()
    raw = base64.b64decode("".join(line for line in lines if not line.startswith("-----")))
    if raw[:12] != bytes.fromhex("302a300506032b6570032100") or len(raw) != 44:
        raise ValueError(f"{name} is no Ed25519 public key in PEM form")
    return raw[12:]


# --- entries ----------------------------------------------------------------------------------------------------------

ESCAPES = {92: "\\\\", 9: "\\t", 10: "\\n", 13: "\\r", 8: "\\b", 12: "\\f", 11: "\\v"}


def line_of(values: list[str | None]) -> bytes:
    """The line that COPY makes of texts and None."""
    return "\t".join("\\N" if value is None else value.translate(ESCAPES) for value in values).encode()


class Findings:
    """What is wrong, a sentence each."""

    def __init__(self) -> None:
        self.sentences: list[str] = []
        self.counts: dict[str, int] = {}

    def add(self, kind: str, sentence: str) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if self.counts[kind] <= NAMED:
            self.sentences.append(sentence)

    def all(self) -> list[str]:
        more = [f"… and {count - NAMED} more: {kind}." for kind, count in self.counts.items() if count > NAMED]
        return self.sentences + more


def check_entries(
    lines: Iterable[bytes | str], columns: dict[str, list[str]], expected: dict[int, bytes], findings: Findings
) -> int:
    """Compare each entry with the hash that its leaf number has."""
    by_hash = {found: number for number, found in expected.items()}
    seen: set[int] = set()
    last: dict[str, int] = {}
    for place, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
            number, log = entry["leaf"], entry["log"]
            found = leaf_hash(line_of([entry[name] for name in columns[log]]))
            extra = set(entry) - set(columns[log]) - {"leaf", "log"}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            findings.add("unreadable", f"line {place} is no entry: {error!r}.")
            continue
        if extra:
            findings.add("unsealed", f"line {place} holds what is not sealed: {', '.join(sorted(extra))}.")
        if number not in expected or number in seen:
            findings.add("put in", f"line {place} was put in: it says that it is leaf {number}.")
            continue
        if number < last.get(log, -1):
            findings.add("moved", f"leaf {number} stands after leaf {last[log]}.")
        seen.add(number)
        last[log] = max(last.get(log, -1), number)
        if found != expected[number]:
            other = by_hash.get(found)
            if other is None:
                findings.add("altered", f"leaf {number} was altered.")
            else:
                findings.add("exchanged", f"the entry at leaf {number} was sealed as leaf {other}.")
    for number in expected:
        if number not in seen:
            findings.add("missing", f"leaf {number} is missing.")
    return len(seen)


def numbers_of(ranges: list[list[int]]) -> Iterator[int]:
    for first, last in ranges:
        yield from range(first, last + 1)


def decoded(texts: list[str]) -> list[bytes]:
    return [base64.b64decode(text, validate=True) for text in texts]


def check(proof: dict[str, Any], ranges: list[list[int]], hashes: bytes, lines: Iterable[bytes | str], key: bytes,
          findings: Findings) -> Note:  # fmt: skip
    """A proof and its entries; the note, when it is to be believed."""
    note = Note(proof["checkpoint"])
    if not note.is_signed_by(key):
        findings.add("signature", "the checkpoint is not signed by this key.")
    numbers = list(numbers_of(ranges))
    if len(hashes) != len(numbers) * HASH:
        findings.add("proof", f"the proof has {len(hashes) // HASH} hashes for {len(numbers)} leaves.")
    expected = {number: hashes[at * HASH : at * HASH + HASH] for at, number in enumerate(numbers)}
    try:
        fits = root_with(note.size, expected, decoded(proof["others"])) == note.root
    except (ValueError, StopIteration, RuntimeError):
        fits = False
    if not fits:
        findings.add("proof", "the hashes do not make the tree of the checkpoint: the proof was altered.")
    count = check_entries(lines, proof["columns"], expected, findings)
    shown = ", ".join(f"{first} to {last}" for first, last in ranges[:5]) or "none"
    print(f"{note.source}: {count} entries, leaves {shown} of {note.size}, checkpoint of {note.at}")
    return note


def check_former(
    note: Note, text: str, proofs: dict[str, list[str]], key: bytes, findings: Findings, name: str
) -> None:
    """A checkpoint that was kept elsewhere must be of the same tree, smaller or as large, and consistent."""
    former = Note(text)
    if not former.is_signed_by(key):
        findings.add("signature", f"{name} is not signed by this key.")
    elif former.origin != note.origin:
        findings.add("other", f"{name} is of another tree.")
    elif former.size > note.size:
        findings.add("larger", f"{name} vouches for {former.size} leaves; this export ends at {note.size}.")
    else:
        path = [] if former.size == note.size else proofs.get(str(former.size))
        if path is None:
            findings.add("consistency", f"the export has no proof that the tree grew from {name}.")
        elif not is_consistent(former.size, note.size, decoded(path), former.root, note.root):
            findings.add("consistency", f"the tree is not the one that {name} vouches for.")


def verify(path: str, key: bytes, formers: Iterable[str] = ()) -> Findings:
    """Everything about one file. Returns the findings."""
    findings = Findings()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as bundle:
            proof = json.loads(bundle.read("proof.json"))
            hashes = bundle.read("hashes.bin")
            with bundle.open("entries.jsonl") as lines:
                note = check(proof, proof["leaves"], hashes, lines, key, findings)
    else:
        proof = json.loads(Path(path).read_text())
        entry = proof["entry"]
        line = line_of([entry[name] for name in proof["columns"][entry["log"]]])
        number = entry["leaf"]
        note = check(proof, [[number, number]], leaf_hash(line), [json.dumps(entry)], key, findings)
    for name in formers:
        check_former(note, Path(name).read_text(), proof.get("grown_from", {}), key, findings, name)
    return findings


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--key", required=True, help="the public key, from a place that you trust")
    parser.add_argument("--checkpoint", action="append", default=[], help="a checkpoint that was kept elsewhere")
    options = parser.parse_args(arguments)
    try:
        findings = verify(options.file, public_key(options.key), options.checkpoint).all()
    except (OSError, ValueError, KeyError, TypeError, IndexError, zipfile.BadZipFile) as error:
        print(f"It cannot be read: {error}", file=sys.stderr)
        return 2
    for sentence in findings:
        print("NOT AS SEALED: " + sentence)
    if not findings:
        print("Everything is as it was sealed.")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
