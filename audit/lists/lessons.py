"""The list of lessons."""

from __future__ import annotations

from django.db.models import Q

from audit.lists.listing import Column, Filter, Listing, moment
from audit.lists.questions import TARGET, one_of
from audit.models import IncidentKind, Lesson

RETIRED, ALL = "retired", "all"


def _state(answer: str) -> Q:
    if answer not in (RETIRED, ALL):
        raise ValueError(f"“{answer[:40]}” is neither retired nor all.")
    return Q() if answer == ALL else Q(retired_at__isnull=False)


def _incident(answer: str) -> Q:
    text = answer.upper().removeprefix("INC-")
    if not text.isdecimal() or len(text) > 9:
        raise ValueError(f"“{answer[:20]}” is no number of an incident.")
    return Q(incident__number=int(text))


LESSONS = Listing(
    page="audit_lesson",
    model=Lesson,
    order=("id",),
    filters=(
        TARGET,
        Filter("kind", "Kind", lambda text: one_of(text, "kind", IncidentKind.values), "choice",
               lambda: list(IncidentKind.choices)),
        Filter("tag", "Tag", lambda text: Q(tags__contains=[text.lower()])),
        Filter("incident", "Incident", _incident, hint="12 or INC-12"),
        Filter("state", "Retired lessons", _state, "choice", lambda: [(RETIRED, "Retired only"), (ALL, "Shown")],
               absent=Q(retired_at__isnull=True), hidden=RETIRED, shown=ALL),
        Filter("from", "Written from", lambda text: Q(made_at__gte=moment(text)), "moment"),
        Filter("to", "Written to", lambda text: Q(made_at__lt=moment(text, end=True)), "moment"),
    ),
    columns=(
        Column("id", "pk", is_text=False),
        Column("problem", "problem"),
        Column("cause", "cause"),
        Column("solution", "solution"),
        Column("tags", "tags", is_text=False),
        Column("kind", "kind"),
        Column("target", "target__name"),
        Column("incident", "incident__number", is_text=False),
        Column("made_at", "made_at", is_text=False),
        Column("made_by", "made_by"),
        Column("changed_at", "changed_at", is_text=False),
        Column("changed_by", "changed_by"),
        Column("version", "version", is_text=False),
        Column("retired_at", "retired_at", is_text=False),
        Column("retired_by", "retired_by"),
        Column("retired_why", "retired_why"),
    ),
    export_permission="audit.export_lesson",
    related=("target", "incident"),
    words=("tovgov_lesson_words", "problem", "cause", "solution", "tags"),
    words_hint="Words of problem, cause, solution and tags",
    words_config="english",
)  # fmt: skip
