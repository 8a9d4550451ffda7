"""Is the schema the one that was backed up? By its fingerprint; when that differs, object by object."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import psycopg

from audit.postgres.catalog import fingerprint_of, schema_lines
from backups.copies import side_file
from backups.manifest import SCHEMA, Manifest
from backups.models import BackupCopy

# What restore_archive leaves out for a role that is no superuser, as the lines of the schema begin.
SUPERUSERS_ONLY = ("event trigger ",)
EXTENSION = "extension "
TOLD = 5


def compare_schema(
    manifest: Manifest, connection: psycopg.Connection, copy: BackupCopy | None, left_out: Sequence[str]
) -> list[str]:
    """Faults in words; none when the schema is equal. Without ``copy`` there is but one: that it differs."""
    found = schema_lines(connection)
    if fingerprint_of(found, []).sha256 == manifest.schema_fingerprint:
        return []
    if copy is None or SCHEMA not in manifest.side_files:
        return ["the schema differs from the one that was backed up"]
    wanted = side_file(copy, SCHEMA).decode("utf-8", "surrogateescape").splitlines()
    if manifest.server_version // 10_000 != connection.info.server_version // 10_000:
        wanted, found = _without_not_null(wanted), _without_not_null(found)
    return differences(wanted, found, may_miss=SUPERUSERS_ONLY if left_out else ())


def _without_not_null(lines: Sequence[str]) -> list[str]:
    """Before 18 NOT NULL stands with its column alone, from 18 on as a constraint, too."""
    return [
        line for line in lines if not (" constraint " in _parts(line)[0] and _parts(line)[1].startswith("NOT NULL"))
    ]


def differences(wanted: Sequence[str], found: Sequence[str], *, may_miss: tuple[str, ...] = ()) -> list[str]:
    """What is missing, came to it or differs, at most a few of each. The version of an extension is its server's and
    may differ."""
    before, after = dict(map(_parts, wanted)), dict(map(_parts, found))
    missing = [name for name in before.keys() - after.keys() if not (may_miss and name.startswith(may_miss))]
    changed = [
        name for name in before.keys() & after.keys() if before[name] != after[name] and not name.startswith(EXTENSION)
    ]
    return [
        *_some("missing from the schema", missing),
        *_some("not in the schema that was backed up", after.keys() - before.keys()),
        *_some("other than in the schema that was backed up", changed),
    ]


def _parts(line: str) -> tuple[str, str]:
    name, _, definition = line.partition(": ")
    return name, definition


def _some(what: str, names: Iterable[str]) -> list[str]:
    told = sorted(names)
    if not told:
        return []
    more = f" and {len(told) - TOLD} more" if len(told) > TOLD else ""
    return [f"{what}: {', '.join(told[:TOLD])}{more}"]
