"""How far a log was read, and when reading must begin anew.

Records are read in the order of (transaction, id) up to the horizon, so that a long transaction's records are not
passed by. A transaction's number means something on one server's timeline only: after a restore, a failover or a
recovery to an earlier moment reading begins anew, and what is known is recognized by its content.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from audit.imports.log import Record, State
from audit.models import ImportSource, Target
from audit.models.imports import NEVER

ALL_RECORDS = 2**63 - 1


def incarnation_of(target: Target, state: State) -> str:
    """Server, database and timeline: within one, a transaction's number means one transaction."""
    return f"{target.system_identifier}/{target.database_oid}/{state.timeline}"


def must_begin_anew(source: ImportSource, state: State, *, to_the_end: bool = False) -> bool:
    """Whether the position belongs to another server, database, timeline or log table, or the server was set back, or
    the log, read to its end because it was to go, is still there."""
    known = source.position
    return (
        source.incarnation != incarnation_of(source.target, state)
        or known.get("log") != state.log
        or state.horizon < known.get("horizon", 0)
        or (known.get("is_last", False) and not to_the_end)
    )


def beginning(state: State) -> dict[str, Any]:
    """The position before the first record. What bears a transaction that this server has not reached was brought
    along by a restore: it is read first, because the horizon would not pass it for years."""
    inherited = {
        "from": state.next,
        "until": state.now.isoformat(),
        "transaction": state.next - 1,
        "record": ALL_RECORDS,
        "last": 0,
        "done": False,
    }
    return {
        "transaction": 0,
        "record": 0,
        "log": state.log,
        "horizon": state.horizon,
        "begun": state.now.isoformat(),
        "caught_up": False,
        "inherited": inherited,
    }


def reads_inherited(position: dict[str, Any]) -> bool:
    """Whether the records that a restore brought along are still to be read."""
    return not position["inherited"]["done"]


def next_bounds(position: dict[str, Any], *, to_the_end: bool = False) -> dict[str, Any]:
    """What to ask the log for: parameters of ``log.records``."""
    if reads_inherited(position):
        part = position["inherited"]
        return {
            "transaction": str(part["transaction"]),
            "record": part["record"],
            "below": str(NEVER),
            "until": part["until"],
        }
    return {
        "transaction": str(position["transaction"]),
        "record": position["record"],
        "below": str(NEVER) if to_the_end else None,
        "until": "infinity",
    }


def after(
    position: dict[str, Any], read: Sequence[Record], horizon: int, *, to_the_end: bool = False
) -> dict[str, Any]:
    """The position once the records ``read`` are stored; none: there was nothing more in its part."""
    last = read[-1] if read else None
    moved = position | {"horizon": max(horizon, position["horizon"])} | ({"is_last": True} if to_the_end else {})
    if reads_inherited(position):
        part = position["inherited"]
        if last is None:
            return moved | {"inherited": part | {"done": True}}
        newest = max(part["last"], *(record.id for record in read))
        return moved | {"inherited": part | {"transaction": last.transaction, "record": last.id, "last": newest}}
    if last is None:
        return moved | {"caught_up": True}
    return moved | {"transaction": last.transaction, "record": last.id, "caught_up": False}
