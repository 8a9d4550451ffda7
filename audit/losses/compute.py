"""The loss itself: a line a table, the sum, and the seconds whose data may be gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from audit import ledger
from audit.actors import Actor
from audit.incidents import HANDLE, hold
from audit.losses.known import OURS, Known, gather
from audit.models import Incident, IncidentLoss


@dataclass(slots=True)
class TableLoss:
    """One table. None is unknown."""

    table: str
    before: int | None
    after: int | None
    captured: int
    now: int | None = None
    """How many rows it had after everything that came back, as far as that is known."""
    put: int = 0
    missing: int = 0
    """So many were found missing one by one, and put back."""

    @property
    def lost(self) -> int | None:
        """Deletes that were captured, the rows that are fewer than in the backup, or those that were found missing:
        whichever is most. Rows that were written since the backup hide as many lost ones from the second."""
        if self.before is not None and self.after is not None:
            return max(self.captured, self.missing, self.before - self.after, 0)
        return max(self.captured, self.missing) or None

    @property
    def is_least(self) -> bool:
        """Whether more may be lost than is known."""
        return self.before is None or self.after is None

    @property
    def returned(self) -> int:
        """What came back of it; never more than was lost."""
        back = self.now - self.after if self.now is not None and self.after is not None else self.put
        return max(0, min(back, self.lost or 0))


def tables(known: Known) -> list[TableLoss]:
    """A line a table that the backup knows or that lost a captured row."""
    before = _by_root(known.before.tables, known.roots) if known.before else {}
    after = _by_root(known.after.tables, known.roots) if known.after else {}
    found = []
    for name in sorted(before.keys() | known.captured.keys()):
        now = None if known.after is None else after.get(name, 0)  # a table that is not there has no rows
        found.append(TableLoss(name, before.get(name), now, known.captured.get(name, 0)))
    for act in known.passed:
        counts = _by_root(act.counts, known.roots) if act.counts is not None else None
        puts = _by_root(act.puts, known.roots)
        for one in found:
            one.put = one.put + puts.get(one.table, 0) if counts is None else counts.get(one.table, 0)
            one.missing += puts.get(one.table, 0)
            start = one.after if one.now is None else one.now
            if counts is not None:
                one.now = counts.get(one.table, 0)
            elif start is not None:
                one.now = start + puts.get(one.table, 0)
    return found


def _by_root(counts: Mapping[str, int], roots: Mapping[str, str]) -> dict[str, int]:
    """Partitions summed up under the table that they are parts of; tovgov's own tables left out."""
    found: dict[str, int] = {}
    for name, rows in counts.items():
        if not name.startswith(OURS):
            root = roots.get(name, name)
            found[root] = found.get(root, 0) + rows
    return found


def compute(row: Incident, *, actor: Actor) -> None:
    """Write its loss from what is known now, without asking the target (``request`` counts there first). Raises
    ``NotPermitted`` and ``LossTimeless``."""
    actor.require(HANDLE)
    store(row, gather(row), actor=actor)


def store(row: Incident, known: Known, *, actor: Actor) -> None:
    """Write the lines, the sum and what it rests on, and seal it in the ledger."""
    found = tables(known)
    sums = total(found)
    seconds = seconds_lost(row, known, found)
    with transaction.atomic():
        held = hold(row)
        IncidentLoss.objects.filter(incident=held).delete()
        IncidentLoss.objects.bulk_create(_line(held, one, known) for one in found)
        facts: dict[str, Any] = dict(sums) | {
            "lost_seconds": seconds, "loss_basis": basis(known, found), "loss_at": timezone.now(),
        }  # fmt: skip
        Incident.objects.filter(pk=held.pk).update(**facts)
        ledger.append(
            "incident.loss", actor=actor, obj=held, target=held.target, lost=sums["lost_rows"],
            returned=sums["returned_rows"], lost_seconds=seconds,
            tables={one.table: one.lost for one in found if one.lost}, basis=facts["loss_basis"]["words"],
        )  # fmt: skip
    row.refresh_from_db()


def total(found: list[TableLoss]) -> dict[str, int | None]:
    """Over all tables; what nobody knows is not counted as nothing."""
    known = [one.lost for one in found if one.lost is not None]
    lost = sum(known)
    is_known = bool(known) and (lost > 0 or len(known) == len(found))
    return {
        "lost_rows": lost if is_known else None,
        "returned_rows": sum(one.returned for one in found) if is_known else None,
    }


def seconds_lost(row: Incident, known: Known, found: list[TableLoss]) -> float | None:
    """The stretch before the impact whose data may be gone: back to the data that came back, or to the last proved
    backup; nothing when every lost row was captured."""
    came_back = [one for one in known.passed if one.kind == row.proof_kind and one.row.pk == row.proof_id]
    if came_back:
        data_at = came_back[0].data_at
        return 0.0 if data_at is None else max(0.0, (known.began - data_at).total_seconds())
    lost = [one for one in found if one.lost is None or one.lost]
    if lost and known.after is not None and all(one.lost == one.captured for one in lost):
        return 0.0
    if known.before is None:
        return None
    if not lost and known.after is not None:
        return 0.0
    return max(0.0, (known.began - known.before.at).total_seconds())


# --- in words --------------------------------------------------------------------------------------------------------


def _line(row: Incident, one: TableLoss, known: Known) -> IncidentLoss:
    return IncidentLoss(
        incident=row, table=one.table[:255], rows_before=one.before, rows_after=one.after, lost=one.lost,
        captured=one.captured, returned=one.returned, basis=_why(one, known)[:255],
    )  # fmt: skip


def _why(one: TableLoss, known: Known) -> str:
    if one.before is not None and one.after is not None:
        counted = "Rows in the last proved backup less rows afterwards (what was written in between hides as many)"
        fewer = one.before - one.after
        if one.missing > max(fewer, one.captured):
            return (
                f"{one.missing:,} rows were found missing one by one, and put back; the backup's counts alone say less."
            )
        if one.captured > fewer:
            return f"{one.captured:,} deletes were captured; the backup alone would say less."
        return f"{counted}; {one.captured:,} of them were captured." if one.captured else f"{counted}."
    if one.captured:
        missing = "no proved backup knows this table" if one.before is None else "nobody has counted it afterwards"
        return f"Captured deletes: at least so many; {missing}."
    return "Unknown: nobody has counted it afterwards." if one.before is not None else "Unknown."


def basis(known: Known, found: list[TableLoss]) -> dict[str, Any]:
    """What the loss rests on: facts, and ``words`` that a person reads."""
    words = [_before(known), _after(known)]
    if known.captured:
        words.append(f"{sum(known.captured.values()):,} deletes of these hours were captured row by row.")
    else:
        words.append("No captured delete of these hours is known.")
    if known.left_out:
        words.append(
            f"{known.left_out:,} other deletes are not counted: reviewed as right, or part of another incident."
        )
    if known.destructive:
        words.append(f"The server's log tells of DROP, TRUNCATE or DELETE of all rows: {'; '.join(known.destructive)}.")
    if not known.target.is_active:
        words.append("The target is not in use any more.")
    facts: dict[str, Any] = {"words": words, "at_least": any(one.is_least for one in found) or not found}
    for name, record in (("before", known.before), ("after", known.after)):
        if record is not None:
            kind, pk = record.row._meta.label, record.row.pk
            facts[name] = {"kind": kind, "id": pk, "at": record.at.isoformat(), "words": record.words}
    facts["unknown_tables"] = sum(one.lost is None for one in found)
    return facts


def _before(known: Known) -> str:
    if known.before is None:
        return "No proved backup of before the impact: how many rows there were is not known."
    rows = sum(_by_root(known.before.tables, {}).values())
    return f"Before: {rows:,} rows in {known.before.words}. Rows written after it are in no count."


def _after(known: Known) -> str:
    if known.is_missing:
        return "After: the server says that there is no such database; nothing is left."
    if known.after is None:
        why = f" {known.why_not}" if known.why_not else ""
        return f"After: nobody has counted the target before rows came back.{why}"
    rows = sum(_by_root(known.after.tables, {}).values())
    return f"After: {rows:,} rows, {known.after.words} at {known.after.at:%Y-%m-%d %H:%M:%S} UTC."
