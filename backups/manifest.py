"""The manifest: what a backup holds, to the row, written beside it as ``manifest.json`` and signed.

Everything that is needed to trust and restore a backup without tovgov's database stands in it. Its bytes are signed
as they are (``manifest.json.sig``); keys are sorted, so that one backup has one manifest.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from audit.postgres.rows import LargeObjects, TableState
from backups import signing
from backups.exceptions import ManifestInvalid

FORMAT = "tovgov backup manifest"
VERSION = 1
MANIFEST, SIGNATURE = "manifest.json", "manifest.json.sig"
SCHEMA = "schema.txt"


@dataclass(frozen=True, slots=True)
class SequenceSpan:
    """Where a sequence stood just before and just after the dump (nothing keeps one still meanwhile), and whether that
    value had been given out."""

    schema: str
    name: str
    before: int
    after: int
    was_called: bool
    is_called: bool

    def holds(self, value: int, is_called: bool) -> bool:
        """Whether the dump may have caught the sequence there."""
        if (self.before, self.was_called) == (self.after, self.is_called):
            return (value, is_called) == (self.after, self.is_called)
        return min(self.before, self.after) <= value <= max(self.before, self.after)


@dataclass(frozen=True, slots=True)
class Dump:
    """The archive: its file, its bytes before compression and as stored, and SHA-256 of the stored ones."""

    file: str
    dump_bytes: int
    stored_bytes: int
    sha256: str
    recipients: list[str] = field(default_factory=list)
    compression: str = "zstd"

    @property
    def is_encrypted(self) -> bool:
        return bool(self.recipients)


@dataclass(frozen=True, slots=True)
class Manifest:
    """``snapshot_at`` is the moment the data is of. ``database_facts`` are owner, locale, rights, settings and
    extensions as ``audit.postgres`` reads them; the fingerprints are those of ``audit.postgres.catalog``.
    ``side_files`` maps the other files (globals, schema) to their SHA-256. ``ledger_number`` and ``ledger_hash`` vouch
    for tovgov's ledger from outside of its database."""

    name: str
    kind: str
    target: str
    environment: str
    database: str
    database_oid: int
    system_identifier: str
    server_version: int
    tool: str
    snapshot_at: datetime
    lsn: str
    database_bytes: int
    tables: list[TableState]
    large_objects: LargeObjects
    sequences: list[SequenceSpan]
    schema_fingerprint: str
    owners_fingerprint: str
    database_facts: dict[str, Any]
    dump: Dump
    side_files: dict[str, str]
    ledger_number: int
    ledger_hash: str

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(table.rows for table in self.tables)

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it, with the format's name and version."""
        facts = asdict(self) | {"snapshot_at": self.snapshot_at.astimezone(UTC).isoformat()}
        return {"format": FORMAT, "version": VERSION} | facts

    @classmethod
    def from_dict(cls, facts: dict[str, Any]) -> Self:
        """The manifest that ``to_dict`` gave. Raises ``ManifestInvalid`` when it is none, or of a newer version."""
        if facts.get("format") != FORMAT:
            raise ManifestInvalid("This is not a manifest of tovgov.")
        if facts.get("version") != VERSION:
            raise ManifestInvalid(f"This manifest is of version {facts.get('version')}; this tovgov reads {VERSION}.")
        known = {key: value for key, value in facts.items() if key not in ("format", "version")}
        try:
            return cls(
                **known
                | {
                    "snapshot_at": datetime.fromisoformat(known["snapshot_at"]),
                    "tables": [TableState(**table) for table in known["tables"]],
                    "large_objects": LargeObjects(**known["large_objects"]),
                    "sequences": [SequenceSpan(**sequence) for sequence in known["sequences"]],
                    "dump": Dump(**known["dump"]),
                }
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ManifestInvalid(f"The manifest is incomplete: {error}.") from None


def sign(manifest: Manifest) -> tuple[bytes, bytes]:
    """The bytes of ``manifest.json`` and of its signature. Raises ``KeyMissing``."""
    text = json.dumps(manifest.to_dict(), sort_keys=True, ensure_ascii=False, indent=1) + "\n"
    data = text.encode()
    return data, signing.sign(data)


def load_and_check(data: bytes, signature: bytes) -> Manifest:
    """The manifest in ``data``, once its signature is found to be of a key we know. Raises ``ManifestInvalid``."""
    signing.check(data, signature)
    try:
        facts = json.loads(data)
    except ValueError:
        raise ManifestInvalid("The manifest is not JSON.") from None
    if not isinstance(facts, dict):
        raise ManifestInvalid("This is not a manifest of tovgov.")
    return Manifest.from_dict(facts)
