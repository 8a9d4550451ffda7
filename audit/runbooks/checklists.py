"""The verbs of runbooks: begin, tick, take a tick back, add a step."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from audit import ledger
from audit.actors import Actor
from audit.exceptions import (
    NoSuchRunbook,
    NoSuchStep,
    ReasonMissing,
    RunbookOver,
    RunbookStarted,
    StepInvalid,
    StepNotTicked,
    StepTicked,
)
from audit.incidents import HANDLE, hold
from audit.models import Incident, IncidentStatus, Runbook, RunbookStep
from audit.runbooks.book import Book
from audit.runbooks.books import BOOKS

LONGEST = 255
SYSTEM = Actor.system("runbooks")


def find(name: str) -> Book:
    """The template of this name. Raises ``NoSuchRunbook``."""
    if name not in BOOKS:
        raise NoSuchRunbook(f"There is no runbook “{name[:60]}”; there are {', '.join(BOOKS)}.")
    return BOOKS[name]


def find_begun(pk: str | int) -> Runbook:
    """What was begun, by its number. Raises ``NoSuchRunbook``."""
    text = str(pk).strip()
    rows = Runbook.objects.select_related("incident__target")
    row = rows.filter(pk=int(text)).first() if text.isdecimal() and len(text) < 19 else None
    if row is None:
        raise NoSuchRunbook(f"No runbook {text[:20]} was begun.", hint="manage.py runbooks list shows what was begun.")
    return row


def step_of(runbook: Runbook, position: str | int) -> RunbookStep:
    """A step by its number on the checklist. Raises ``NoSuchStep``."""
    text = str(position).strip()
    row = runbook.steps.filter(position=int(text)).first() if text.isdecimal() and len(text) < 5 else None
    if row is None:
        raise NoSuchStep(f"“{runbook}” has no step {text[:20]}.")
    return row


def offered(incident: Incident) -> list[Book]:
    """What was not begun on it yet: those of its kind first."""
    begun = set(incident.runbooks.values_list("book", flat=True))
    left = [book for book in BOOKS.values() if book.name not in begun]
    return sorted(left, key=lambda book: incident.kind not in (*book.begun_for, *book.offered_for))


def begin(incident: Incident, name: str, *, actor: Actor) -> Runbook:
    """Begin a runbook on an incident. Its words are copied: a template that changes later does not change it.

    Raises ``NotPermitted``, ``NoSuchRunbook``, ``RunbookStarted`` and ``RunbookOver``."""
    actor.require(HANDLE)
    book = find(name)
    try:
        with transaction.atomic():
            found = _working(incident)
            row = Runbook.objects.create(
                incident=found, book=book.name, title=book.title, intro=book.intro, started_by=actor.name
            )
            RunbookStep.objects.bulk_create(
                RunbookStep(runbook=row, position=place, title=step.title, why=step.why, command=step.command,
                            door=step.door, with_whom=step.with_whom)
                for place, step in enumerate(book.steps, 1)
            )  # fmt: skip
            ledger.append("runbook.begin", actor=actor, obj=row, target=found.target, incident=found.code, book=name)
    except IntegrityError as error:
        if "a_runbook_is_begun_once_an_incident" in str(error):
            raise RunbookStarted(f"“{book.title}” was begun on {incident.code} already.") from None
        raise
    return row


def begin_by_itself(incident: Incident) -> None:
    """Begin what belongs to the kind of an incident, when it is opened or its kind becomes known: whoever comes first
    finds the list there."""
    begun = set(incident.runbooks.values_list("book", flat=True))
    for book in BOOKS.values():
        if incident.kind in book.begun_for and book.name not in begun:
            begin(incident, book.name, actor=SYSTEM)


def tick(step: RunbookStep, *, actor: Actor, note: str = "") -> None:
    """It is done, by this person, now. Raises ``NotPermitted``, ``RunbookOver``, and ``StepTicked`` when somebody was
    first."""
    actor.require(HANDLE)
    with transaction.atomic():
        incident = _working(step.runbook.incident)
        rows = RunbookStep.objects.filter(pk=step.pk, done_at=None)
        if rows.update(done_at=timezone.now(), done_by=actor.name, note=_text(note)) != 1:
            step.refresh_from_db()
            raise StepTicked(f"{step.done_by} ticked this step already.")
        ledger.append("runbook.tick", actor=actor, obj=step, target=incident.target, reason=note, **_where(step))
    step.refresh_from_db()


def untick(step: RunbookStep, *, actor: Actor, reason: str) -> None:
    """It is not done after all. Who had ticked it stays in the ledger. Raises ``NotPermitted``, ``ReasonMissing``,
    ``RunbookOver`` and ``StepNotTicked``."""
    actor.require(HANDLE)
    if not reason.strip():
        raise ReasonMissing
    with transaction.atomic():
        incident = _working(step.runbook.incident)
        found = RunbookStep.objects.select_for_update(no_key=True).get(pk=step.pk)
        if not found.is_done:
            raise StepNotTicked
        former = {"done_by": found.done_by, "done_at": str(found.done_at), "note": found.note}
        RunbookStep.objects.filter(pk=step.pk).update(
            done_at=None, done_by="", note="", undone_at=timezone.now(), undone_by=actor.name, undone_why=_text(reason)
        )
        ledger.append(
            "runbook.untick",
            actor=actor,
            obj=step,
            target=incident.target,
            reason=reason,
            before=former,
            **_where(step),
        )
    step.refresh_from_db()


def add_step(runbook: Runbook, title: str, *, actor: Actor, why: str = "", with_whom: str = "") -> RunbookStep:
    """Add a step that the template does not have, at the end. Raises ``NotPermitted``, ``StepInvalid`` and
    ``RunbookOver``."""
    actor.require(HANDLE)
    title, whom = _text(title), _text(with_whom)
    if not title or len(title) > LONGEST or "\n" in title or len(whom) > 80:
        raise StepInvalid
    with transaction.atomic():
        incident = _working(runbook.incident)  # held: two steps do not take one place
        last = runbook.steps.aggregate(last=Max("position"))["last"] or 0
        step: RunbookStep = RunbookStep.objects.create(
            runbook=runbook, position=last + 1, title=title, why=_text(why), with_whom=whom, added_by=actor.name
        )
        ledger.append("runbook.add_step", actor=actor, obj=step, target=incident.target, **_where(step))
    return step


def _working(incident: Incident) -> Incident:
    """The incident, held to the end of the caller's transaction. Raises ``RunbookOver`` when it is closed."""
    found = hold(incident)
    if found.status == IncidentStatus.CLOSED:
        raise RunbookOver
    return found


def _where(step: RunbookStep) -> dict[str, Any]:
    return {"incident": step.runbook.incident.code, "book": step.runbook.book, "step": step.position}


def _text(text: str) -> str:
    return text.replace("\0", "").replace("\r\n", "\n").strip()
