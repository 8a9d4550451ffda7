"""Building a pack: everything is read in one snapshot of tovgov's database, written into a folder of its own, signed,
put into one ZIP, and verified by the verifier that lies in it.

The bytes follow from: the period, the targets, the parts, the moment at which it was asked for, who asked and why, the
record as it stands, the keys, and this version of tovgov; nothing else. With a time stamp, its bytes and those that
name its hash follow from the authority.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import connection, transaction

from audit import conf, registry, signing
from audit.evidence import chain, checks, controls, readme, records, reporting, scope, sealed, stamp, verify
from audit.evidence.held import Held
from audit.evidence.members import Members, pretty, slug
from audit.evidence.scope import Scope
from audit.exceptions import TimeStampRefused
from audit.exports import files
from audit.models import EvidencePack, EvidencePart, Target
from audit.progress import Progress
from audit.registry import Checked, EvidenceFile, EvidenceLine
from audit.seals import verifier

NO_AUTHORITY = "none: no authority is set (TOVGOV_TSA_URL)."


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a pack."""

    files: int
    records: int
    bytes: int
    sha256: str
    signer: str
    time_stamp: str
    gaps: list[str]
    said: list[str]
    faults: list[str]


def build(row: EvidencePack, folder: Path, out: Path, progress: Progress) -> Made:
    """Write the pack of ``row`` to ``out``; ``folder`` (empty) takes its members meanwhile. Raises
    ``EvidenceTargetGone``, ``KeyMissing``, ``SigningKeyInvalid``, ``JobCancelled``, and ``OSError`` for a full disk."""
    about = scope.of(row)
    key = signing.signing_key()
    members = Members(folder, _tell(progress))
    progress.phase("Gather", unit="records")
    with snapshot():
        topics = _gather(row, about, members, progress)
    gaps = controls.gaps_of(topics)
    public = key.public_key()
    _put_keys(members, public)
    members.put("controls.json", pretty(topics))
    members.put("README.md", readme.text(row, about, topics, gaps, fingerprint(public)).encode())
    for module in (verify, verifier):
        path = Path(str(module.__file__))
        members.put(path.name, path.read_bytes())
    members.put(verify.SUMS, _sums(members))
    time_stamp = _stamp(members, progress)
    if verify.STAMP not in members.all:
        gaps = [*gaps, f"The pack has no time stamp of an authority: {time_stamp.removeprefix('none: ')}"]
    manifest = _manifest(row, members, gaps, time_stamp, fingerprint(public))
    size = _write(members, manifest, key.sign(manifest), out, progress)
    progress.phase("Verify")
    verdict = verify.verify(str(out), fingerprint(public), lambda what: progress.check())
    with out.open("rb") as file:
        digest = files.digest(file)
    return Made(len(members.all), members.rows, size, digest, verdict.signer, time_stamp, gaps, verdict.said,
                verdict.faults)  # fmt: skip


@contextmanager
def snapshot() -> Iterator[None]:
    """One view of tovgov's database, whatever is written meanwhile."""
    with transaction.atomic():
        if not connection.savepoint_ids:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _gather(row: EvidencePack, about: Scope, members: Members, progress: Progress) -> list[dict[str, Any]]:
    """Write the members that hold records, and look at what the controls ask. Nothing is written to tovgov's database
    in here: the progress is, by the heartbeat."""
    parts = set(row.parts)
    held = Held(left_out=[part.label for part in EvidencePart if part not in parts])
    if EvidencePart.RECORDS in parts:
        progress.log("Records")
        records.write(members, about)
    if EvidencePart.SEALED in parts:
        progress.log("Sealed entries with their proof")
        held.proved = sealed.write(members, about)
    if EvidencePart.LEDGER in parts:
        progress.log("Ledger")
        held.chained = chain.write(members, about)
    if EvidencePart.REPORTS in parts:
        progress.log("Reports")
        held.unwritten += reporting.write(members, about, row)
    progress.log("What the other apps hold")
    for target in about.targets:
        _take(members, held, target, about, with_files=EvidencePart.BACKUPS in parts)
    progress.log("Checks for the control map")
    return controls.mapped(checks.all_of(about, held))


def _take(members: Members, held: Held, target: Target, about: Scope, *, with_files: bool) -> None:
    """What the apps above this one have of ``target``."""
    lines: dict[str, list[dict[str, Any]]] = {}
    for source in registry.evidence:
        for item in source(target, about.start, min(about.end, about.as_of)):
            if isinstance(item, Checked):
                held.checked.append(item)
            elif with_files and isinstance(item, EvidenceLine):
                lines.setdefault(item.file, []).append(item.row)
            elif with_files and isinstance(item, EvidenceFile):
                members.put(item.name, item.data)
    for name, rows in lines.items():
        members.lines(f"records/{name}-{target.pk:04}-{slug(target.name)}.jsonl", (one for one in rows))


def fingerprint(key: Ed25519PublicKey) -> str:
    """SHA-256 of the public key, in hex: how an auditor is told of a signer."""
    return sha256(key.public_bytes_raw()).hexdigest()


def _put_keys(members: Members, own: Ed25519PublicKey) -> None:
    members.put(verify.KEY, own.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    for name, key in sorted(signing.known_keys().items()):
        members.put(f"keys/{name}.pem", key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def _sums(members: Members) -> bytes:
    """As ``sha256sum -c`` reads it."""
    return "".join(f"{member.sha256}  {member.name}\n" for member in members.sorted()).encode()


def _stamp(members: Members, progress: Progress) -> str:
    """Have SHA256SUMS stamped; when that was, or why not."""
    if not conf.tsa_url():
        return NO_AUTHORITY
    progress.phase("Time stamp")
    try:
        answer, at = stamp.of(members.all[verify.SUMS].path.read_bytes())
    except TimeStampRefused as error:
        progress.log(f"{error.code}: {error.message}")
        return f"none: {error.message}"
    members.put(verify.STAMP, answer)
    return f"{at} by {stamp.place()}"


def _manifest(row: EvidencePack, members: Members, gaps: list[str], time_stamp: str, signer: str) -> bytes:
    facts = {
        "format": verify.FORMAT,
        "version": 1,
        "inputs": {
            "from": row.start,
            "to": row.end,
            "targets": [one["name"] for one in row.scope],
            "parts": row.parts,
            "as_of": row.as_of,
            "asked_by": row.asked_name,
            "reason": row.reason,
            "ledger_number": row.ledger_number,
            "tovgov": _version(),
        },
        "signer": signer,
        "time_stamp": time_stamp,
        "gaps": gaps,
        "files": [member.as_dict() for member in members.sorted()],
    }
    return pretty(facts)


def _write(members: Members, manifest: bytes, signature: bytes, out: Path, progress: Progress) -> int:
    head = []
    for name, data in ((verify.MANIFEST, manifest), (verify.SIGNATURE, signature)):
        members.put(name, data)
        head.append(members.all[name])
    progress.phase("Write", total=sum(member.bytes for member in members.all.values()), unit="bytes")
    with files.create(out) as file:
        members.write_zip(file, head, _tell(progress))
    shutil.rmtree(members.folder)
    return out.stat().st_size


def _tell(progress: Progress) -> Callable[[int], None]:
    def tell(count: int) -> None:
        progress.advance(count)
        progress.check()

    return tell


def _version() -> str:
    try:
        return version("tovgov")
    except PackageNotFoundError:
        return "unpackaged"
