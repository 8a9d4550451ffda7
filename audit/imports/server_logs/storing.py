"""Storing a chunk in tovgov's own database: groups, entries, seals, connections, and how far the file was read, in one
transaction. A kill at any point loses and doubles nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from io import BytesIO
from itertools import count, islice

from django.db import connection, transaction
from django.db.models import F

from audit import noise, partitions
from audit.exceptions import ImportOvertaken
from audit.imports import connection_records, seal
from audit.imports.server_logs.chunk import KEPT_FAULTS, Chunk, GroupKey, Grown
from audit.imports.server_logs.sources import Place
from audit.models import AuditImport, ImportSource, LogFile, LogFileState, ServerLogEntry, ServerLogGroup
from audit.seals import tree
from audit.seals.entries import SERVER_LOG

COLUMNS = ", ".join(f'"{name}"' for name in ("leaf", "source_id", "of_group_id", *SERVER_LOG.names))
COPY = f"COPY audit_serverlogentry ({COLUMNS}) FROM STDIN"
PER_WRITE = 500
"""Lines that are handed over at once: some hundred kilobytes."""
GROUPS = """
UPDATE audit_serverloggroup g
SET count = g.count + n.count, at = least(g.at, n.at), last_at = greatest(g.last_at, n.last_at)
FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[]) n (id, count, at, last_at)
WHERE g.id = n.id
"""


def store(run: AuditImport, file: LogFile, place: Place, chunk: Chunk, rules: noise.Rules) -> LogFile:
    """Store ``chunk`` of ``file``, which lies at ``place``, and move the file's position; the file as it is then. All
    or nothing. ``rules`` say which new groups are noise. Raises ``ImportOvertaken`` when somebody else has read on from
    there."""
    if chunk.rows:
        partitions.make_ahead(ServerLogEntry, for_rows=chunk.rows)
    with transaction.atomic():
        source = ImportSource.objects.select_for_update(of=("self",), no_key=True).get(pk=run.source_id)
        row = LogFile.objects.select_for_update(of=("self",), no_key=True).get(pk=file.pk)
        if row.offset != file.offset or row.pending != file.pending:
            raise ImportOvertaken
        if chunk.rows:
            _keep_groups(source.target_id, chunk.groups, rules)
            first = tree.append(source, chunk.hashes)
            _copy(source, chunk, first)
            seal.note(run, first, chunk.rows)
        if chunk.sessions:
            connection_records.take(source, chunk.sessions)
        _move(source, row, place, chunk)
        _note(run, chunk)
    return row


def _copy(source: ImportSource, chunk: Chunk, first: int) -> None:
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(COPY) as copy:
        rows = _rows(source.pk, chunk, first)
        while piece := b"".join(islice(rows, PER_WRITE)):
            copy.write(piece)


def _rows(source_pk: int, chunk: Chunk, first: int) -> Iterator[bytes]:
    """Lines of COPY: what only its database knows of an entry, before what the reader made."""
    heads = [b"\t%d\t%d\t" % (source_pk, group.pk) for group in chunk.groups.values()]
    owned = map(heads.__getitem__, chunk.owners)
    return map(b"%d%b%b".__mod__, zip(count(first), owned, BytesIO(chunk.lines)))


# --- groups ---------------------------------------------------------------------------------------------------------


def _keep_groups(target_id: int, groups: dict[GroupKey, Grown], rules: noise.Rules) -> None:
    """Make the groups that are new and grow all of them; each learns its key. In one order, so that two sources of a
    target wait for each other and never lock each other out."""
    ordered = sorted(groups.items())
    known = _known(target_id, groups)
    fresh = [_made(target_id, key, group, rules) for key, group in ordered if key not in known]
    if fresh:
        ServerLogGroup.objects.bulk_create(fresh, ignore_conflicts=True, batch_size=1000)
        known = _known(target_id, groups)
    for key, group in ordered:
        group.pk = known[key]
    grown = sorted(groups.values(), key=lambda group: group.pk)
    columns = [[getattr(group, name) for group in grown] for name in ("pk", "count", "at", "last_at")]
    with connection.cursor() as cursor:
        cursor.execute(GROUPS, columns)


def _known(target_id: int, keys: Iterable[GroupKey]) -> dict[GroupKey, int]:
    wanted = list(keys)
    rows = ServerLogGroup.objects.filter(
        target=target_id, day__in={key[0] for key in wanted}, fingerprint__in={key[2] for key in wanted}
    ).values_list("day", "kind", "fingerprint", "role", "explained_by", "pk")
    return {(day.isoformat(), *rest): pk for day, *rest, pk in rows}  # type: ignore[misc]


def _made(target_id: int, key: GroupKey, group: Grown, rules: noise.Rules) -> ServerLogGroup:
    day, kind, fingerprint, role, run = key
    return ServerLogGroup(
        target_id=target_id,
        day=date.fromisoformat(day),
        kind=kind,
        severity=group.severity,
        fingerprint=fingerprint,
        role=role,
        title=group.title,
        at=datetime.fromisoformat(group.at),
        last_at=datetime.fromisoformat(group.last_at),
        is_noise=bool(run) or rules.hides(kind, group.severity, group.title),
        explained_by=run,
    )


# --- how far ----------------------------------------------------------------------------------------------------------


def _move(source: ImportSource, row: LogFile, place: Place, chunk: Chunk) -> None:
    row.offset, row.pending, row.format = chunk.offset, chunk.state, chunk.format
    row.records += chunk.records
    first_at, last_at = chunk.span
    row.first_at, row.last_at = _earlier(row.first_at, first_at), _later(row.last_at, last_at)
    row.faults = [*row.faults, *(fault._asdict() for fault in chunk.faults)][:KEPT_FAULTS]
    if chunk.is_last:
        row.size, row.modified = place.size, place.modified if chunk.is_settled else 0
        row.error_code = row.error = ""
        row.state = LogFileState.READ if chunk.is_over else LogFileState.READING
    row.save()
    if last_at and (source.heard_at is None or last_at > source.heard_at):
        source.heard_at = last_at
        source.save(update_fields=["heard_at"])


def _note(run: AuditImport, chunk: Chunk) -> None:
    row = AuditImport.objects.only("first_at", "last_at").get(pk=run.pk)
    first_at, last_at = chunk.span
    AuditImport.objects.filter(pk=run.pk).update(
        records=F("records") + chunk.records,
        rows=F("rows") + chunk.rows,
        ours=F("ours") + chunk.ours,
        explained=F("explained") + chunk.explained,
        faults=F("faults") + chunk.fault_count,
        first_at=_earlier(row.first_at, first_at),
        last_at=_later(row.last_at, last_at),
    )


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min(filter(None, (one, other)), default=None)


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(filter(None, (one, other)), default=None)
