"""Storing a chunk in tovgov's own database: what is known is left out, rows come by COPY, and the position moves in
the same transaction, so that a kill at any point loses and doubles nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from django.db import connection, transaction
from django.db.models import F

from audit.exceptions import ImportOvertaken
from audit.imports import seal
from audit.imports.log import Record, Row
from audit.models import AuditImport, DeleteAuditLog, DeleteAuditTransaction, ImportSource
from audit.seals import leaves, tree

COPY = (
    "COPY audit_deleteauditlog (target_id, of_transaction_id, leaf, record, position, at, verb, table_oid,"
    " table_schema, table_name, key, masked, query, row) FROM STDIN"
)


@dataclass
class Stored:
    """What one chunk brought."""

    records: int = 0
    known: int = 0
    rows: int = 0
    by_table: Counter[str] = field(default_factory=Counter)


def lock(source_pk: int, expected: dict[str, Any]) -> ImportSource:
    """The source, locked to the end of the transaction. Raises ``ImportOvertaken`` when its position is no longer
    ``expected``: somebody else has imported from here."""
    source = (
        ImportSource.objects.select_for_update(of=("self",), no_key=True).select_related("target").get(pk=source_pk)
    )
    if source.position != expected:
        raise ImportOvertaken
    return source


def store(run: AuditImport, position: dict[str, Any], moved: dict[str, Any], of: Sequence[Record],
          read: Any) -> Stored:  # fmt: skip
    """Store the records ``of`` with their rows, which ``read(records)`` yields, and move ``position`` to ``moved``.
    All or nothing. Raises ``ImportOvertaken`` and what ``read`` raises."""
    with transaction.atomic():
        source = lock(run.source_id, position)
        labels = dict(_new(source, of))
        fresh = [record for record in of if record.id in labels]
        done = Stored(records=len(of), known=len(of) - len(fresh))
        if fresh:
            owners = _transactions(source, fresh, labels)
            hashes = _copy(source, fresh, owners, read(fresh), done)
            if hashes:
                seal.note(run, tree.append(source, hashes), len(hashes))
        _note(source, run, moved, done, fresh)
    return done


def _note(source: ImportSource, run: AuditImport, moved: dict[str, Any], done: Stored,
          fresh: Sequence[Record]) -> None:  # fmt: skip
    source.position = moved
    source.imported = dict(Counter(source.imported) + done.by_table)
    source.save(update_fields=["position", "imported"])
    row = AuditImport.objects.select_for_update(of=("self",), no_key=True).get(pk=run.pk)
    row.records, row.known = F("records") + done.records, F("known") + done.known
    row.rows, row.to_position = F("rows") + done.rows, moved
    times = [record.at for record in fresh]
    row.first_at = min([*times, row.first_at] if row.first_at else times, default=None)
    row.last_at = max([*times, row.last_at] if row.last_at else times, default=None)
    row.save(update_fields=["records", "known", "rows", "to_position", "first_at", "last_at"])


class Numbered(Protocol):
    """What a record is known by."""

    @property
    def id(self) -> int: ...

    @property
    def transaction(self) -> int: ...


def known(source: ImportSource, of: Iterable[Numbered]) -> dict[tuple[int, int], list[tuple[datetime, str]]]:
    """Which of these records are stored, under any incarnation of the target: (transaction, record) → times and
    incarnations."""
    wanted = list(of)
    rows = DeleteAuditLog.objects.filter(
        of_transaction__target=source.target,
        of_transaction__transaction__in={record.transaction for record in wanted},
        record__in={record.id for record in wanted},
        position=1,
    )
    found: dict[tuple[int, int], list[tuple[datetime, str]]] = {}
    fields = ("of_transaction__transaction", "record", "at", "of_transaction__incarnation")
    for transaction_id, record_id, at, incarnation in rows.values_list(*fields):
        found.setdefault((transaction_id, record_id), []).append((at, incarnation))
    return found


def _new(source: ImportSource, of: Sequence[Record]) -> Iterator[tuple[int, str]]:
    """Records that are not known, each with the incarnation it belongs to. One that bears the numbers of another
    record and is not that one (a server set back gives them out again) gets a name of its own."""
    stored = known(source, of)
    for record in of:
        twins = stored.get((record.transaction, record.id), [])
        if any(at == record.at for at, _ in twins):
            continue
        taken = {incarnation for _, incarnation in twins}
        label, number = source.incarnation, 1
        while label in taken:
            number += 1
            label = f"{source.incarnation}#{number}"
        yield record.id, label


# --- transactions -------------------------------------------------------------------------------------------------


Owner = tuple[int, str]


def _transactions(
    source: ImportSource, fresh: Sequence[Record], labels: dict[int, str]
) -> dict[int, DeleteAuditTransaction]:
    """The transaction of each record by the record's id, made or grown."""
    groups: dict[Owner, list[Record]] = {}
    for record in fresh:
        groups.setdefault((record.transaction, labels[record.id]), []).append(record)
    there = {
        (row.transaction, row.incarnation): row
        for row in DeleteAuditTransaction.objects.select_for_update(of=("self",), no_key=True).filter(
            target=source.target, transaction__in={number for number, _ in groups}
        )
    }
    for owner, grown in there.items():
        if owner in groups:
            _grow(grown, groups[owner])
    made = [_made(source, owner, records) for owner, records in groups.items() if owner not in there]
    there |= {(row.transaction, row.incarnation): row for row in DeleteAuditTransaction.objects.bulk_create(made)}
    return {record.id: there[record.transaction, labels[record.id]] for record in fresh}


def _made(source: ImportSource, owner: Owner, records: Sequence[Record]) -> DeleteAuditTransaction:
    first = records[0]
    return DeleteAuditTransaction(
        target=source.target,
        transaction=owner[0],
        incarnation=owner[1],
        at=first.at,
        last_at=records[-1].at,
        session_role=first.session_role,
        role_in_force=first.role_in_force,
        application_user=first.application_user or "",
        client_address=first.client_address,
        application_name=first.application_name or "",
        query=first.query or "",
        tables=_tables(records),
        row_count=sum(record.row_count for record in records),
    )


def _grow(row: DeleteAuditTransaction, records: Sequence[Record]) -> None:
    """More of a transaction that came with an earlier chunk."""
    row.tables = dict(Counter(row.tables) + Counter(_tables(records)))
    row.row_count += sum(record.row_count for record in records)
    row.last_at = max(row.last_at, records[-1].at)
    row.save(update_fields=["tables", "row_count", "last_at"])


def _tables(records: Iterable[Record]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for record in records:
        counts[record.table] += record.row_count
    return dict(counts)


# --- rows ---------------------------------------------------------------------------------------------------------


def _copy(source: ImportSource, fresh: Sequence[Record], owners: dict[int, DeleteAuditTransaction],
          rows: Iterable[Row], done: Stored) -> list[bytes]:  # fmt: skip
    """Write the rows and return the hashes of their leaves. A row is in memory once at a time, and the line that COPY
    gets is the line that is hashed."""
    by_id = {record.id: record for record in fresh}
    brought: Counter[int] = Counter()
    hashes: list[bytes] = []
    first = tree.lock(source).size
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(COPY) as copy:
        head: _Head | None = None
        for row in rows:
            if head is None or head.record.id != row.record:
                head = _Head(source, owners[row.record], by_id[row.record])
            line = head.line(row)
            copy.write(b"%b\t%d\t%b\n" % (head.start, first + len(hashes), line))
            hashes.append(leaves.hash_of(b"%b\t%b" % (line, head.end(row))))
            brought[row.record] += 1
    _count(by_id, owners, brought, done)
    return hashes


class _Head:
    """What the rows of one record share, as COPY writes it."""

    def __init__(self, source: ImportSource, owner: DeleteAuditTransaction, record: Record) -> None:
        self.record, self.owner = record, owner
        self.start = leaves.line([str(source.target_id), str(owner.pk)])
        self._table = [leaves.moment(record.at), record.verb, str(record.table_oid)]
        self._table += [record.table_schema, record.table_name]
        self._masked = leaves.json_text(record.masked_columns)
        self._numbers = [str(owner.transaction), owner.incarnation]
        self._end = leaves.line([*self._numbers, *[leaves.NULL] * 7])

    def line(self, row: Row) -> bytes:
        """The row's own columns, in the order of ``audit.seals.entries.DELETIONS``."""
        query = (self.record.query or "") if row.position == 1 else ""
        places = [str(row.record), str(row.position)]
        return leaves.line([*places, *self._table, row.key, self._masked, query, row.text])

    def end(self, row: Row) -> bytes:
        """The facts of its transaction, which its leaf holds too."""
        if row.position != 1:
            return self._end
        of = self.owner
        roles = [of.session_role, of.role_in_force, of.application_user]
        more = [leaves.address(of.client_address), of.application_name, of.query]
        return leaves.line([*self._numbers, leaves.moment(of.at), *roles, *more])


def _count(by_id: dict[int, Record], owners: dict[int, DeleteAuditTransaction], brought: Counter[int],
           done: Stored) -> None:  # fmt: skip
    """Sum up; a record that held another number of rows than it said (somebody changed the log) is counted as it
    was."""
    for number, record in by_id.items():
        done.rows += brought[number]
        if record.verb == "DELETE":
            done.by_table[str(record.table_oid)] += brought[number]
        if more := brought[number] - record.row_count:
            owner = owners[number]
            owner.row_count += more
            owner.tables[record.table] = owner.tables.get(record.table, 0) + more
            owner.save(update_fields=["row_count", "tables"])
