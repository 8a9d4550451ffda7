"""How long the entries of a source are kept: set by a person, for ever when nobody did."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from django.db import transaction
from django.db.models import Max, Sum
from django.utils import timezone

from audit import ledger
from audit.actors import Actor
from audit.exceptions import KeepDaysInvalid, NoSuchLogSource
from audit.imports import connection_watch, rule
from audit.models import ImportKind, ImportSource, LedgerEntry, RetiredRange, SealTree, Target

MANAGE = "audit.manage_sources"
KEPT = "imports.source.keep"
SETS = (KEPT, "imports.source.add", "imports.source.change")
MOST = 36_500
EVERY = timedelta(days=1)
"""So often the entries of a source are looked through."""


def keep(source: ImportSource, days: int | None, *, actor: Actor, reason: str = "") -> ImportSource:
    """Keep the entries of ``source`` for so many days, or for ever (None). What is longer over goes with the next
    look. Raises ``NotPermitted`` and ``KeepDaysInvalid``."""
    actor.require(MANAGE)
    checked(days)
    with transaction.atomic():
        row = (
            ImportSource.objects.select_for_update(of=("self",), no_key=True).select_related("target").get(pk=source.pk)
        )
        before, row.keep_days, row.retention = row.keep_days, days, {}
        row.save(update_fields=["keep_days", "retention"])
        ledger.append(
            KEPT, actor=actor, obj=row, target=row.target, reason=reason, kind=row.kind, keep_days=days, before=before
        )
    return row


def checked(days: int | None) -> int | None:
    """``days``, when a source may be kept so long. Raises ``KeepDaysInvalid``."""
    if days is not None and not 1 <= days <= MOST:
        raise KeepDaysInvalid(f"{days} days are none of them.")
    return days


def find(target: Target, name: str) -> ImportSource:
    """Any source of ``target`` by its name, kind or number. Raises ``NoSuchLogSource``."""
    return named(target, target.import_sources.select_related("target"), name)


def named(target: Target, rows: Iterable[ImportSource], name: str) -> ImportSource:
    """The one of ``rows`` that is called so, or has that number; else the only one of that kind. Empty: the only one
    there is. Raises ``NoSuchLogSource``."""
    rows = list(rows)
    found = [row for row in rows if name in ("", row.name or row.kind, str(row.pk))]
    found = found or [row for row in rows if name == row.kind]
    if not found:
        raise NoSuchLogSource(
            f"{target} has no source “{name}”." if name else f"{target} has no source of server logs."
        )
    if len(found) > 1:
        which = f"{len(found)} sources “{name}”" if name else f"{len(found)} sources of server logs"
        raise NoSuchLogSource(f"{target} has {which}; say the name or the number of one.")
    return found[0]


# --- what is over ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Limit:
    """Entries of ``source`` before ``at`` are over, when their leaf is below ``leaf``: a checkpoint that is as old
    has vouched for it."""

    source: ImportSource
    at: datetime
    leaf: int


def limit_of(source: ImportSource, now: datetime | None = None) -> Limit | None:
    """What is over of ``source``; None when it is kept for ever or nothing old enough is signed."""
    days = days_of(source)
    if days is None:
        return None
    at = (now or timezone.now()) - timedelta(days=days)
    tree = SealTree.objects.filter(source=source).first()
    signed = tree.checkpoints.filter(at__lt=at).aggregate(size=Max("size"))["size"] if tree else None
    return Limit(source, at, signed) if signed else None


def days_of(source: ImportSource) -> int | None:
    """Days for which entries are kept: as was set, but longer than the same records stay in the target itself, which
    would bring them again after a restore."""
    if source.keep_days is None or source.kind not in (ImportKind.DELETIONS, ImportKind.LOGINS):
        return source.keep_days
    there = 0
    if source.kind == ImportKind.DELETIONS:
        settings = rule.settings_of(source.target)
        there = rule.keep_days(settings) if settings is not None else 0
    else:
        found = (settings for target, settings in rule.with_rule(connection_watch.RULE) if target == source.target)
        there = max((int(one.get("keep_days", connection_watch.KEEP_DAYS)) for one in found), default=0)
    return max(source.keep_days, there + 1)


def is_due(source: ImportSource, now: datetime) -> bool:
    """Whether its entries are to be looked through again."""
    done = source.retention.get("done_at")
    return source.keep_days is not None and (done is None or datetime.fromisoformat(done) <= now - EVERY)


def why(source: ImportSource) -> str:
    """The reason that stands beside what is retired: the days, and who has set them."""
    rows = LedgerEntry.objects.filter(
        action__in=SETS, object_type=ImportSource._meta.label, object_id=str(source.pk)
    ).order_by("-number")
    same = list(takewhile(lambda row: row.detail.get("keep_days") == source.keep_days, rows.iterator()))
    by = f", set by {same[-1].actor} on {same[-1].at:%Y-%m-%d}" if same else ""
    return f"Kept for {days_of(source)} days{by}."


# --- what a person is shown -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shown:
    """Retention of a source in a person's words. ``next_at`` is when its entries are looked through again."""

    days: int | None
    before: datetime | None
    is_signed: bool
    next_at: datetime | None
    count: int
    ranges: list[RetiredRange]


def shown(source: ImportSource) -> Shown:
    """What is retired next of ``source``, and what was."""
    days, limit, done = days_of(source), limit_of(source), source.retention.get("done_at")
    rows = RetiredRange.objects.filter(tree__source=source)
    return Shown(
        days=days,
        before=timezone.now() - timedelta(days=days) if days is not None else None,
        is_signed=limit is not None,
        next_at=datetime.fromisoformat(done) + EVERY if done else None,
        count=rows.aggregate(all=Sum("count"))["all"] or 0,
        ranges=list(rows.order_by("-id")[:5]),
    )
