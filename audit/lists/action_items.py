"""The list of action items: the questions of its page, and the columns of its export, the earliest day first."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import F, Q
from django.utils import timezone

from audit.lists.listing import WORDS, Column, Filter, Listing, number
from audit.lists.questions import anywhere, one_of, targets
from audit.models import OWED, ActionItem, ActionState, Priority
from audit.models.action_items import SOON_DAYS

ALL, MINE, NOBODY = "all", "mine", "nobody"
SEARCHED = ("title", "detail", "owner_name", "incident__title", "finish_note")
DUE = [("overdue", "Overdue"), ("soon", f"Within {SOON_DAYS} days"), ("never", "No day")]
ORDER = (F("due_on").asc(nulls_last=True), "-priority", "id")


class ActionList(Listing):
    """What is due first stands first; without a day at the end."""

    @property
    def ordering(self) -> Any:
        return ORDER


def _state(answer: str) -> Q:
    return Q() if answer == ALL else one_of(answer, "state", ActionState.values)


def _due(answer: str) -> Q:
    today = timezone.localdate()
    clauses = {
        "overdue": Q(due_on__lt=today, state__in=OWED),
        "soon": Q(due_on__gte=today, due_on__lte=today + timedelta(days=SOON_DAYS)),
        "never": Q(due_on__isnull=True),
    }
    if answer not in clauses:
        raise ValueError(f"“{answer[:40]}” is neither {' nor '.join(clauses)}.")
    return clauses[answer]


def _whose(answer: str) -> Q:
    if answer == NOBODY:
        return Q(owner__isnull=True)
    if not answer.startswith("="):
        raise ValueError("write nobody, or = and a user name.")
    return Q(owner_name=answer[1:])


def _words(answer: str) -> Q:
    """Each word stands somewhere in it."""
    found = Q()
    for word in answer.split():
        found &= anywhere(word, SEARCHED)
    return found


ACTIONS = ActionList(
    page="audit_actionitem",
    model=ActionItem,
    order=("id",),
    filters=(
        Filter("state", "State", _state, "choice", lambda: [(ALL, "All"), *ActionState.choices],
               absent=Q(state__in=OWED), hidden=ALL, shown=ALL),
        Filter("due", "Due", _due, "choice", lambda: DUE),
        Filter("whose", "Owner", _whose, hint="nobody, or =alice"),
        Filter("priority", "Priority", lambda text: one_of(text, "priority", Priority.values), "choice",
               lambda: [(str(value), label) for value, label in Priority.choices]),
        Filter("target", "Target", lambda text: Q(incident__target=number(text)), "choice", targets),
        Filter(WORDS, "Words", _words),
    ),
    columns=(
        Column("id", "pk", is_text=False),
        Column("title", "title"),
        Column("detail", "detail"),
        Column("state", "state"),
        Column("owner", "owner_name"),
        Column("due_on", "due_on", is_text=False),
        Column("priority", "priority", is_text=False),
        Column("incident", "incident__number", is_text=False),
        Column("target", "incident__target__name"),
        Column("made_at", "made_at", is_text=False),
        Column("made_by", "made_by"),
        Column("finished_at", "finished_at", is_text=False),
        Column("finished_by", "finished_by"),
        Column("finish_note", "finish_note"),
    ),
    export_permission="audit.export_action",
    related=("incident",),
)  # fmt: skip
