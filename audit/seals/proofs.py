"""Proofs for people without tovgov: one entry as JSON, or a range of a log as a ZIP, each with the checkpoint that
vouches for it. ``audit/seals/verifier.py`` checks both, alone."""

from __future__ import annotations

import base64
import json
import zipfile
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import IO, Any, BinaryIO

from django.db import transaction
from django.db.models import Model

from audit import ledger
from audit.actors import Actor
from audit.exceptions import NotSealed
from audit.models import (
    Checkpoint,
    ConnectionAuditLog,
    DeleteAuditLog,
    ImportKind,
    ImportSource,
    SealTree,
    ServerLogEntry,
)
from audit.seals import retirement, verifier
from audit.seals.entries import Sealed, copied, tables_of
from audit.seals.merkle import HASH, TILE, split
from audit.seals.tree import Tiles

EVERY = 1000
"""``tell`` is called after so many entries."""
FORMERS = 1000
"""A bundle proves that its tree grew from so many of the checkpoints before it, the newest."""
MODELS: dict[str, type[Model]] = {
    DeleteAuditLog._meta.db_table: DeleteAuditLog,
    ConnectionAuditLog._meta.db_table: ConnectionAuditLog,
    ServerLogEntry._meta.db_table: ServerLogEntry,
}
PERMISSIONS = {
    DeleteAuditLog._meta.db_table: "audit.export_deletion",
    ConnectionAuditLog._meta.db_table: "audit.export_connection",
    ServerLogEntry._meta.db_table: "audit.export_log",
}


def source_of(entry: Any) -> ImportSource | None:
    """The source of a sealed entry; None when it has none."""
    if isinstance(entry, DeleteAuditLog):
        return ImportSource.objects.filter(target=entry.target_id, kind=ImportKind.DELETIONS).first()
    key: int | None = entry.import_source_id if isinstance(entry, ConnectionAuditLog) else entry.source_id
    return ImportSource.objects.filter(pk=key).first() if key is not None else None


def sealed_by(entry: Any) -> Checkpoint | None:
    """The first checkpoint that covers ``entry``; None when none does yet."""
    source = source_of(entry)
    if source is None or entry.leaf is None:
        return None
    found = Checkpoint.objects.filter(tree__source=source, size__gt=entry.leaf)
    return found.select_related("tree__source__target").order_by("number").first()


def of_entry(entry: Any, *, actor: Actor) -> dict[str, Any]:
    """The proof of one entry, as JSON. Raises ``NotPermitted`` and ``NotSealed``."""
    checkpoint, source = sealed_by(entry), source_of(entry)
    if checkpoint is None or source is None:
        raise NotSealed
    table = _table(source, entry._meta.db_table)
    actor.require(PERMISSIONS[table.table])
    (values,) = entries(table, f"e.id = {int(entry.pk)}")
    others = _others(Tiles(checkpoint.tree), 0, checkpoint.size, [(entry.leaf, entry.leaf)])
    return {
        "checkpoint": checkpoint.note,
        "columns": {table.table: table.names},
        "entry": values,
        "others": _texts(others),
    }


def permissions_of(source: ImportSource) -> list[str]:
    """What it takes to have the entries of ``source``."""
    return [PERMISSIONS[table.table] for table in tables_of(source)]


def write_bundle(source: ImportSource, out: BinaryIO, *, actor: Actor, first: int = 0, last: int | None = None,
                 tell: Callable[[int], None] = lambda count: None) -> int:  # fmt: skip
    """Write the entries of ``source`` from leaf ``first`` to ``last`` (the end) as a ZIP with their proof; how many.
    ``tell`` hears how many more were written. Raises ``NotPermitted`` and ``NotSealed``."""
    tables = tables_of(source)
    for permission in permissions_of(source):
        actor.require(permission)
    checkpoint = Checkpoint.objects.filter(tree__source=source).select_related("tree").order_by("-number").first()
    if checkpoint is None or first >= checkpoint.size:
        raise NotSealed(f"{source} has no checkpoint for leaf {first:,} yet.")
    last = checkpoint.size - 1 if last is None else min(last, checkpoint.size - 1)
    with transaction.atomic(), zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bundle:
        with bundle.open("entries.jsonl", "w", force_zip64=True) as file:
            count = sum(_write_entries(table, source, first, last, file, tell) for table in tables)
        _write_proof(bundle, checkpoint, _left(checkpoint.tree, first, last), {one.table: one.names for one in tables})
        ledger.append("seals.bundle", actor=actor, obj=source, target=source.target, first_leaf=first, last_leaf=last,
                      entries=count, checkpoint=checkpoint.number)  # fmt: skip
    return count


def _write_entries(
    table: Sealed, source: ImportSource, first: int, last: int, file: IO[bytes], tell: Callable[[int], None]
) -> int:
    count = 0
    between = f"{table.of(source)} AND e.leaf BETWEEN {int(first)} AND {int(last)}"
    with closing(entries(table, between)) as rows:
        for values in rows:
            file.write(json.dumps(values, ensure_ascii=False).encode() + b"\n")
            count += 1
            if count % EVERY == 0:
                tell(EVERY)
    tell(count % EVERY)
    return count


def _write_proof(
    bundle: zipfile.ZipFile, checkpoint: Checkpoint, leaves: Sequence[tuple[int, int]], columns: dict[str, list[str]]
) -> None:
    with bundle.open("hashes.bin", "w", force_zip64=True) as file:
        for piece in hashes_of(checkpoint, leaves):
            file.write(piece)
    bundle.writestr("proof.json", json.dumps(proof_of(checkpoint, leaves, columns), indent=1))
    bundle.writestr("verifier.py", Path(verifier.__file__).read_text())


def hashes_of(checkpoint: Checkpoint, leaves: Sequence[tuple[int, int]]) -> Iterator[bytes]:
    """The hashes of ``leaves`` (ascending ranges), in pieces."""
    tiles = Tiles(checkpoint.tree)
    for first, last in leaves:
        yield from _hashes(tiles, first, last)


def proof_of(
    checkpoint: Checkpoint, leaves: Sequence[tuple[int, int]], columns: dict[str, list[str]], formers: int = FORMERS
) -> dict[str, Any]:
    """What proves, beside the hashes of ``leaves``, that they are those of ``checkpoint``, and that its tree grew from
    those of the ``formers`` checkpoints before it."""
    tiles = Tiles(checkpoint.tree)
    return {
        "checkpoint": checkpoint.note,
        "columns": columns,
        "leaves": leaves,
        "others": _texts(_others(tiles, 0, checkpoint.size, leaves)),
        "grown_from": dict(_grown_from(tiles, checkpoint, formers)),
    }


def _left(tree: SealTree, first: int, last: int) -> list[tuple[int, int]]:
    """The leaves from ``first`` to ``last`` that are not retired."""
    found, at = [], first
    for run_first, run_last in retirement.runs_of(retirement.of_tree(tree)[0]):
        if at <= run_last and run_first <= last:
            if at < run_first:
                found.append((at, run_first - 1))
            at = run_last + 1
    return [*found, (at, last)] if at <= last else found


def _texts(hashes: Iterable[bytes]) -> list[str]:
    return [base64.b64encode(one).decode() for one in hashes]


def _table(source: ImportSource, name: str) -> Sealed:
    return next(table for table in tables_of(source) if table.table == name)


def entries(table: Sealed, condition: str) -> Generator[dict[str, Any]]:
    """The entries ``e`` of ``table`` that fit ``condition`` (SQL), as their texts, by column, with their leaf. Close
    it: until then the database hears nothing else."""
    with copied(f"{table.select(condition, 'e.leaf')} ORDER BY e.leaf") as lines:
        for line in lines:
            leaf, *fields = line.decode().split("\t")
            values = zip(table.names, map(_text, fields), strict=True)
            yield {"leaf": int(leaf), "log": table.table, **dict(values)}


SIGNS = {"\\": "\\", "t": "\t", "n": "\n", "r": "\r", "b": "\b", "f": "\f", "v": "\v"}


def _text(field: str) -> str | None:
    """A field of COPY as the text that it was; None for NULL."""
    if field == "\\N":
        return None
    if "\\" not in field:
        return field
    pieces = iter(field.split("\\"))
    made = [next(pieces)]
    for piece in pieces:
        if piece:
            made.append(SIGNS[piece[0]] + piece[1:])
        else:  # a backslash stood for itself: what follows the second one is as it is
            made.append("\\" + next(pieces))
    return "".join(made)


def _hashes(tiles: Tiles, first: int, last: int) -> Iterator[bytes]:
    for tile in range(first // TILE, last // TILE + 1):
        begin, end = max(first - tile * TILE, 0), min(last - tile * TILE, TILE - 1) + 1
        yield tiles.tile(0, tile)[begin * HASH : end * HASH]


def _others(tiles: Tiles, low: int, high: int, leaves: Sequence[tuple[int, int]]) -> Iterator[bytes]:
    """The roots of the largest parts of the tree that hold none of ``leaves`` (ascending ranges), left to right."""
    here = [(first, last) for first, last in leaves if first < high and last >= low]
    if not here:
        yield tiles.range_hash(low, high)
    elif not (here[0][0] <= low and high - 1 <= here[0][1]):
        middle = low + split(high - low)
        yield from _others(tiles, low, middle, here)
        yield from _others(tiles, middle, high, here)


def _grown_from(tiles: Tiles, checkpoint: Checkpoint, count: int) -> Iterator[tuple[str, list[str]]]:
    formers = Checkpoint.objects.filter(tree=checkpoint.tree, number__lt=checkpoint.number).order_by("-number")
    for size in formers.values_list("size", flat=True)[:count]:
        yield str(size), _texts(tiles.consistency(size, checkpoint.size))
