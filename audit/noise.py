"""Noise: what of a server log nobody has to look at. It is hidden, never deleted, and always counted.

Patterns are RE2's (github.com/google/re2/wiki/Syntax): the time for a match grows with the length of the text and no
more, whatever the pattern is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import re2
from django.db import transaction
from django.db.models import Q, QuerySet, Sum
from django.utils import timezone

from audit import ledger
from audit.actors import Actor
from audit.exceptions import NoiseHidesCritical, NoisePatternWrong, NoiseReasonMissing, NoiseSettingsWrong
from audit.models import WAITING_STATES, LogSettings, LogSeverity, NoiseFilter, ServerLogGroup, Target
from audit.models.noise import LONGEST_PATTERN
from audit.postgres.logs.classes import BY_CODE, CLASSES, EXAMPLES
from audit.postgres.logs.masking import Masking

PERMISSION = "audit.set_noise"
LOOKED_AT = 50_000
"""A preview looks at so many of the newest groups."""
SAMPLES = 12
BATCH = 2_000
MEMORY = 8 << 20
"""Bytes that a compiled pattern may take: RE2 refuses larger ones."""
CRITICAL = [row.code for row in CLASSES if int(row.severity) == LogSeverity.CRITICAL.value]


# --- what hides ------------------------------------------------------------------------------------------------------


def compiled(pattern: str) -> Any:
    """The pattern, ready to search. Raises ``NoisePatternWrong``: too long, too large, or not RE2's."""
    if len(pattern) > LONGEST_PATTERN:
        raise NoisePatternWrong(f"The pattern is longer than {LONGEST_PATTERN} characters.")
    options = re2.Options()
    options.max_mem = MEMORY
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except (re2.error, UnicodeError) as error:
        reason = error.args[0] if error.args else ""
        said = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise NoisePatternWrong(f"The pattern cannot be used: {said}.") from None


@dataclass(frozen=True, slots=True)
class _One:
    kind: str
    pattern: Any

    def hides(self, kind: str, title: str) -> bool:
        return (not self.kind or self.kind == kind) and (self.pattern is None or bool(self.pattern.search(title)))


@dataclass(frozen=True, slots=True)
class Rules:
    """What is noise in one target's log, as it stands now."""

    minimum: int = LogSeverity.HIGH
    filters: tuple[_One, ...] = ()

    def hides(self, kind: str, severity: int, title: str) -> bool:
        """Whether a group of this class and title is noise. A critical one never is."""
        if severity >= LogSeverity.CRITICAL:
            return False
        return severity < self.minimum or any(one.hides(kind, title) for one in self.filters)


def rules_of(target: Target) -> Rules:
    """The rules of ``target``: load them once for many groups."""
    rows = NoiseFilter.objects.filter(Q(target=None) | Q(target=target), is_active=True)
    filters = tuple(_One(row.kind, compiled(row.pattern) if row.pattern else None) for row in rows)
    return Rules(settings_of(target).minimum_severity, filters)


def is_noise(target: Target, *, kind: str, severity: int, title: str) -> bool:
    """Whether a new group is noise; for many of them keep ``rules_of(target)``."""
    return rules_of(target).hides(kind, severity, title)


# --- looking ahead ---------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Preview:
    """What a filter finds among the newest groups, hidden ones too."""

    looked_at: int = 0
    groups: int = 0
    shown: int = 0
    """Of these, groups that nothing hides yet."""
    entries: int = 0
    by_class: Counter[str] = field(default_factory=Counter)
    samples: list[ServerLogGroup] = field(default_factory=list)
    critical: list[str] = field(default_factory=list)
    """Messages of critical classes that it would hide: such a filter is refused."""

    @property
    def is_partial(self) -> bool:
        return self.looked_at >= LOOKED_AT


def preview(pattern: str, *, target: Target | None = None, kind: str = "") -> Preview:
    """Which past groups the filter would hide, and what speaks against it. Raises ``NoisePatternWrong``."""
    one = _one(pattern, kind)
    rows = ServerLogGroup.objects.select_related("target").order_by("-at", "-id")
    if target is not None:
        rows = rows.filter(target=target)
    found = Preview(critical=_critical_examples(one))
    for row in rows[:LOOKED_AT].iterator(chunk_size=BATCH):
        found.looked_at += 1
        if not one.hides(row.kind, row.title):
            continue
        found.groups += 1
        found.entries += row.count
        found.shown += not row.is_noise
        found.by_class[row.kind] += 1
        if row.severity >= LogSeverity.CRITICAL:
            found.critical.append(row.title)
        if len(found.samples) < SAMPLES:
            found.samples.append(row)
    return found


def _one(pattern: str, kind: str) -> _One:
    if kind and kind not in BY_CODE:
        raise NoisePatternWrong(f"There is no class “{kind}”.")
    if not pattern and not kind:
        raise NoisePatternWrong("Name a pattern, a class, or both.")
    return _One(kind, compiled(pattern) if pattern else None)


def _critical_examples(one: _One) -> list[str]:
    """Messages of critical classes that it finds, whether or not this server ever wrote them."""
    return [text for code in CRITICAL for text in EXAMPLES[code] if one.hides(code, text)]


# --- verbs -----------------------------------------------------------------------------------------------------------


def add(pattern: str, *, reason: str, actor: Actor, target: Target | None = None, kind: str = "") -> NoiseFilter:
    """A new filter, applied to what waits already. Raises ``NoisePatternWrong``, ``NoiseReasonMissing`` and
    ``NoiseHidesCritical``."""
    actor.require(PERMISSION)
    found = _allowed(pattern, kind, target, reason)
    with transaction.atomic():
        row = NoiseFilter.objects.create(
            pattern=pattern, target=target, kind=kind, reason=reason.strip(), made_by=actor.name
        )
        changed = apply_again(target)
        ledger.append("noise.add", actor=actor, obj=row, target=target, reason=row.reason, **_facts(row),
                      groups=found.groups, changed=changed)  # fmt: skip
    return row


def change(
    row: NoiseFilter, *, pattern: str, reason: str, actor: Actor, target: Target | None = None, kind: str = ""
) -> NoiseFilter:
    """Give a filter another pattern, class, target or reason; what waits is looked at anew. Raises as ``add``."""
    actor.require(PERMISSION)
    found = _allowed(pattern, kind, target, reason)
    with transaction.atomic():
        row = NoiseFilter.objects.select_for_update(of=("self",), no_key=True).select_related("target").get(pk=row.pk)
        before, reach = _facts(row), row.target if row.target == target else None
        row.pattern, row.target, row.kind, row.reason = pattern, target, kind, reason.strip()
        _stamp(row, actor)
        changed = apply_again(reach)
        ledger.append("noise.change", actor=actor, obj=row, target=target, reason=row.reason, **_facts(row),
                      before=before, groups=found.groups, changed=changed)  # fmt: skip
    return row


def switch(row: NoiseFilter, *, on: bool, actor: Actor, reason: str = "") -> int:
    """Switch a filter off or on; how many waiting groups changed. Off: what only it hid is shown again."""
    actor.require(PERMISSION)
    with transaction.atomic():
        row = NoiseFilter.objects.select_for_update(of=("self",), no_key=True).select_related("target").get(pk=row.pk)
        if row.is_active == on:
            return 0
        if on:
            _allowed(row.pattern, row.kind, row.target, row.reason)
        row.is_active = on
        _stamp(row, actor)
        changed = apply_again(row.target)
        act = "noise.switch_on" if on else "noise.switch_off"
        ledger.append(act, actor=actor, obj=row, target=row.target, reason=reason, **_facts(row), changed=changed)
    return changed


def _allowed(pattern: str, kind: str, target: Target | None, reason: str) -> Preview:
    if not reason.strip():
        raise NoiseReasonMissing
    found = preview(pattern, target=target, kind=kind)
    if found.critical:
        sample = found.critical[0][:200]
        raise NoiseHidesCritical(f"It would hide “{sample}”.", critical=found.critical[:SAMPLES])
    return found


def _stamp(row: NoiseFilter, actor: Actor) -> None:
    row.changed_by, row.changed_at = actor.name, timezone.now()
    row.save()


def _facts(row: NoiseFilter) -> dict[str, Any]:
    return {"pattern": row.pattern, "kind": row.kind, "of": row.target.name if row.target else ""}


# --- what it did -----------------------------------------------------------------------------------------------------


def apply_again(target: Target | None = None) -> int:
    """Judge the waiting groups anew, of all targets without one; how many changed. Nothing is deleted, and what a
    person has looked at stays as it is."""
    targets = [target] if target is not None else Target.objects.all()
    return sum(_apply_to(one) for one in targets)


def _apply_to(target: Target) -> int:
    rules = rules_of(target)
    waiting = ServerLogGroup.objects.filter(target=target, state__in=WAITING_STATES, explained_by="").order_by()
    wrong: dict[bool, list[int]] = {True: [], False: []}
    for pk, kind, severity, title, was in waiting.values_list("pk", "kind", "severity", "title", "is_noise").iterator(
        chunk_size=BATCH
    ):
        now = rules.hides(kind, severity, title)
        if now != was:
            wrong[now].append(pk)
    for now, pks in wrong.items():
        for part in _parts(pks):
            ServerLogGroup.objects.filter(pk__in=part).update(is_noise=now)
    return sum(map(len, wrong.values()))


def _parts(pks: Sequence[int]) -> Iterable[Sequence[int]]:
    return (pks[at : at + BATCH] for at in range(0, len(pks), BATCH))


@dataclass(frozen=True, slots=True)
class Hidden:
    """What is hidden: groups, and the entries in them."""

    groups: int
    entries: int


def hidden_count(target: Target | None = None, *, since: date | None = None, until: date | None = None) -> Hidden:
    """How much is hidden, of one target or all, of the days ``since`` to ``until`` (UTC, both included)."""
    rows: QuerySet[ServerLogGroup] = ServerLogGroup.objects.filter(is_noise=True)
    if target is not None:
        rows = rows.filter(target=target)
    if since is not None:
        rows = rows.filter(day__gte=since)
    if until is not None:
        rows = rows.filter(day__lte=until)
    return Hidden(groups=rows.count(), entries=rows.aggregate(all=Sum("count"))["all"] or 0)


# --- a target's own choices ------------------------------------------------------------------------------------------


def settings_of(target: Target) -> LogSettings:
    """The target's choices; the usual ones, not saved, when it has none."""
    return LogSettings.objects.filter(target=target).first() or LogSettings(target=target)


def masking_of(target: Target) -> Masking:
    """What is masked of the target's log on its way in."""
    row = settings_of(target)
    return Masking(also=frozenset(row.always_mask), never=frozenset(row.never_mask), keep_all=row.keep_values)


def change_settings(
    target: Target,
    *,
    actor: Actor,
    minimum_severity: int,
    keep_values: bool = False,
    always_mask: Sequence[str] = (),
    never_mask: Sequence[str] = (),
) -> LogSettings:
    """Set a target's choices; what waits is judged anew. Masking concerns what comes from now on: what was masked is
    gone, what was kept stays. Raises ``NoiseSettingsWrong``."""
    actor.require(PERMISSION)
    unknown = {*always_mask, *never_mask} - set(BY_CODE)
    if unknown:
        raise NoiseSettingsWrong(f"There is no class “{min(unknown)}”.")
    if minimum_severity not in LogSeverity.values:
        raise NoiseSettingsWrong(f"There is no severity {minimum_severity}.")
    facts: dict[str, Any] = {
        "minimum_severity": int(minimum_severity),
        "keep_values": keep_values,
        "always_mask": sorted(always_mask),
        "never_mask": sorted(never_mask),
    }
    with transaction.atomic():
        row, _ = LogSettings.objects.update_or_create(target=target, defaults=facts)
        changed = _apply_to(target)
        ledger.append("noise.settings", actor=actor, obj=row, target=target, **facts, changed=changed)
    return row


def change_minimum(target: Target, severity: int, *, actor: Actor) -> LogSettings:
    """Set the minimum severity alone; the other choices stay. Raises ``NoiseSettingsWrong``."""
    now = settings_of(target)
    return change_settings(
        target,
        actor=actor,
        minimum_severity=severity,
        keep_values=now.keep_values,
        always_mask=now.always_mask,
        never_mask=now.never_mask,
    )
