"""Sealed entries of a pack: the entries of each log in the period, the hashes of their leaves, and what proves that
they are those of a signed checkpoint."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from audit.evidence.members import Members, line, pretty, slug
from audit.evidence.scope import Scope
from audit.models import Checkpoint, ImportSource
from audit.seals import proofs, retirement
from audit.seals.entries import Sealed, copied, tables_of
from audit.seals.proofs import FORMERS
from audit.seals.retirement import Run


@dataclass(frozen=True, slots=True)
class Proved:
    """What of one log is in the pack."""

    source: ImportSource
    checkpoint: Checkpoint | None
    entries: int
    retired: int
    """Leaves between the first and the last that were retired."""


def write(members: Members, scope: Scope) -> list[Proved]:
    """Every log of the targets."""
    return [_write(members, scope, source) for source in scope.sources]


def folder_of(source: ImportSource) -> str:
    return f"sealed/{source.pk:04}-{slug(f'{source.target.name} {source.name or source.kind}')}/"


def checkpoint_for(source: ImportSource, scope: Scope) -> Checkpoint | None:
    """The newest one of the moment at which the pack was asked for."""
    found = Checkpoint.objects.filter(tree__source=source, at__lte=scope.as_of).select_related("tree")
    return found.order_by("-number").first()


def _write(members: Members, scope: Scope, source: ImportSource) -> Proved:
    checkpoint = checkpoint_for(source, scope)
    if checkpoint is None:
        return Proved(source, None, 0, 0)
    folder, tables = folder_of(source), tables_of(source)
    when = {table.table: _condition(table, source, scope, checkpoint) for table in tables}
    leaves = runs(leaf for table in tables for leaf in _leaves(table, when[table.table]))
    if not leaves:
        return Proved(source, checkpoint, 0, 0)
    with members.open(folder + "hashes.bin") as writer:
        for piece in proofs.hashes_of(checkpoint, leaves):
            writer.write(piece)
    count = members.lines(folder + "entries.jsonl", _entries(tables, when))
    formers = _formers(checkpoint, scope)
    retired = _retired(checkpoint, leaves)
    columns = {table.table: table.names for table in tables}
    proof = proofs.proof_of(checkpoint, leaves, columns, len(formers)) | {"retired": retired}
    members.put(folder + "proof.json", pretty(proof))
    members.lines(folder + "checkpoints.jsonl", (_told(one) for one in [*formers, checkpoint]))
    return Proved(source, checkpoint, count, sum(last - first + 1 for first, last in retired))


def _entries(tables: Sequence[Sealed], when: dict[str, str]) -> Generator[dict[str, Any]]:
    for table in tables:
        with closing(proofs.entries(table, when[table.table])) as rows:
            yield from rows


def _condition(table: Sealed, source: ImportSource, scope: Scope, checkpoint: Checkpoint) -> str:
    """Entries of the period that the checkpoint covers; times and numbers of ours as SQL."""
    return (
        f"{table.of(source)} AND e.leaf < {int(checkpoint.size)} AND e.at >= {_sql(scope.start)}"
        f" AND e.at < {_sql(scope.end)}"
    )


def _sql(moment: datetime) -> str:
    return f"timestamptz '{moment.astimezone(UTC).isoformat()}'"


def _leaves(table: Sealed, condition: str) -> Iterator[int]:
    with copied(f"SELECT e.leaf FROM {table.tables} WHERE {condition}") as lines:  # noqa: S608  # of ours
        yield from map(int, lines)


def runs(numbers: Iterable[int]) -> list[Run]:
    """Numbers as ascending ranges of numbers that follow each other."""
    found: list[Run] = []
    for number in sorted(set(numbers)):
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def _retired(checkpoint: Checkpoint, leaves: list[Run]) -> list[Run]:
    """What was retired between the first of ``leaves`` and the last."""
    low, high = leaves[0][0], leaves[-1][1]
    every = retirement.runs_of(retirement.of_tree(checkpoint.tree)[0])
    return [(max(first, low), min(last, high)) for first, last in every if first <= high and last >= low]


def _formers(checkpoint: Checkpoint, scope: Scope) -> list[Checkpoint]:
    """The checkpoints before it, back to the last one before the period; the oldest first."""
    every = Checkpoint.objects.filter(tree=checkpoint.tree, number__lt=checkpoint.number).order_by("-number")
    found: list[Checkpoint] = []
    for one in every[:FORMERS].iterator():
        found.append(one)
        if one.at < scope.start:
            break
    return found[::-1]


def _told(checkpoint: Checkpoint) -> dict[str, Any]:
    facts = {"number": checkpoint.number, "size": checkpoint.size, "at": checkpoint.at, "note": checkpoint.note}
    return dict(json.loads(line(facts)))
