"""The verbs of lessons."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.utils import timezone

from audit import ledger
from audit.actors import Actor
from audit.exceptions import (
    LessonChanged,
    LessonInvalid,
    LessonNotRetired,
    LessonRetired,
    NoSuchLesson,
    ReasonMissing,
)
from audit.models import Incident, IncidentKind, Lesson, Target

KEEP = "audit.keep_lesson"
LONGEST_TAG, MOST_TAGS = 40, 20
FIELDS = ("problem", "cause", "solution", "tags", "kind", "target", "incident")


def find(pk: str | int) -> Lesson:
    """The lesson of a number. Raises ``NoSuchLesson``."""
    text = str(pk).strip()
    row = Lesson.objects.filter(pk=int(text)).first() if text.isdecimal() and len(text) < 19 else None
    if row is None:
        raise NoSuchLesson(f"There is no lesson {text[:20]}.")
    return row


def read_tags(text: str) -> list[str]:
    """The tags that a person typed, between commas or blanks."""
    return [tag for tag in re.split(r"[\s,;]+", text) if tag]


def add(
    problem: str,
    solution: str,
    *,
    actor: Actor,
    cause: str = "",
    tags: Iterable[str] = (),
    kind: IncidentKind | str = "",
    target: Target | None = None,
    incident: Incident | None = None,
) -> Lesson:
    """Keep what was learned; of an incident it takes kind and target when none are named. Raises ``NotPermitted`` and
    ``LessonInvalid``."""
    actor.require(KEEP)
    if incident is not None:
        kind, target = kind or incident.kind, target or incident.target
    facts = _clean({"problem": problem, "cause": cause, "solution": solution, "tags": tags, "kind": kind})
    with transaction.atomic():
        row = Lesson.objects.create(made_by=actor.name, target=target, incident=incident, **facts)
        ledger.append("lesson.add", actor=actor, obj=row, target=target, **facts)
    return row


def change(row: Lesson, *, version: int, actor: Actor, **facts: Any) -> None:
    """Change its words, tags, kind, target or incident; ``version`` is the one that the writer read. What was
    overwritten stays in the ledger.

    Raises ``NotPermitted``, ``LessonInvalid``, ``LessonRetired``, and ``LessonChanged`` when somebody has written
    since."""
    actor.require(KEEP)
    assert set(facts) <= set(FIELDS), facts
    facts = _clean({name: facts.get(name, getattr(row, name)) for name in FIELDS} | facts)
    with transaction.atomic():
        found = Lesson.objects.select_for_update(no_key=True).get(pk=row.pk)
        if found.is_retired:
            raise LessonRetired
        if found.version != version:
            raise LessonChanged
        changed = {name: value for name, value in facts.items() if getattr(found, name) != value}
        if changed:
            who = {"changed_at": timezone.now(), "changed_by": actor.name}
            Lesson.objects.filter(pk=found.pk).update(version=version + 1, **who, **changed)
            before = {name: getattr(found, name) for name in changed}
            ledger.append(
                "lesson.change", actor=actor, obj=found, target=found.target, before=_words(before), now=_words(changed)
            )
    row.refresh_from_db()


def retire(row: Lesson, *, actor: Actor, reason: str) -> None:
    """It holds no longer: it is found no more beside new incidents, and stays on record. Raises ``NotPermitted``,
    ``ReasonMissing`` and ``LessonRetired``."""
    who = {"retired_at": timezone.now(), "retired_by": actor.name, "retired_why": reason.strip()}
    _turn(row, "retire", actor, reason, was_retired=False, refusal=LessonRetired, **who)


def restore(row: Lesson, *, actor: Actor, reason: str) -> None:
    """It holds again. Raises ``NotPermitted``, ``ReasonMissing`` and ``LessonNotRetired``."""
    nothing = {"retired_at": None, "retired_by": "", "retired_why": ""}
    _turn(row, "restore", actor, reason, was_retired=True, refusal=LessonNotRetired, **nothing)


def _turn(row: Lesson, act: str, actor: Actor, reason: str, *, was_retired: bool, refusal: Any, **changes: Any) -> None:
    actor.require(KEEP)
    if not reason.strip():
        raise ReasonMissing
    with transaction.atomic():
        found = Lesson.objects.select_for_update(no_key=True).get(pk=row.pk)
        if found.is_retired != was_retired:
            raise refusal
        Lesson.objects.filter(pk=found.pk).update(version=found.version + 1, **changes)
        ledger.append(f"lesson.{act}", actor=actor, obj=found, target=found.target, reason=reason)
    row.refresh_from_db()


def _clean(facts: dict[str, Any]) -> dict[str, Any]:
    """As they are kept. Raises ``LessonInvalid``."""
    for name in ("problem", "cause", "solution"):
        facts[name] = facts[name].replace("\0", "").replace("\r\n", "\n").strip()
    if not facts["problem"] or not facts["solution"]:
        raise LessonInvalid
    facts["tags"] = sorted({tag.strip().lower().replace("\0", "") for tag in facts["tags"]} - {""})
    if len(facts["tags"]) > MOST_TAGS or any(len(tag) > LONGEST_TAG for tag in facts["tags"]):
        raise LessonInvalid(
            f"A lesson has at most {MOST_TAGS} tags of {LONGEST_TAG} characters.",
            hint="Use fewer and shorter tags; the search finds every word of the lesson anyway.",
        )
    if facts["kind"] and facts["kind"] not in IncidentKind.values:
        raise LessonInvalid(f"“{str(facts['kind'])[:40]}” is no kind of incident.", hint="Leave it empty, or choose.")
    facts["kind"] = str(facts["kind"])
    return facts


def _words(facts: dict[str, Any]) -> dict[str, Any]:
    """As the ledger keeps them: a target by name, an incident by number."""
    found = dict(facts)
    if found.get("target") is not None:
        found["target"] = found["target"].name
    if found.get("incident") is not None:
        found["incident"] = found["incident"].code
    return found
