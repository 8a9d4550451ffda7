"""The first text of a post-mortem, from the record: people then write, they do not copy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from django.utils import timezone

from audit import documents
from audit.documents import Document, Heading, Markdown, Paragraph, Part, Table
from audit.models import Cause, Incident
from audit.postmortems import record
from audit.postmortems.roles import roles, without_names

MOST_LINES = 40
STORY = (
    ("Trigger", "trigger", "What set it off?"),
    ("Detection", "detection", "How was it noticed, and what could have noticed it sooner?"),
    ("Root causes", "root_causes", "What made it possible? Ask why until a process or a safeguard is named."),
    ("Contributing factors", "contributing_factors", "What made it larger, longer or harder to see?"),
    ("What went well", "went_well", "What helped?"),
    ("What went wrong", "went_wrong", "What did not work as it should?"),
    ("Where we were lucky", "lucky", "What could have made it worse, and did not?"),
)


def first_text(incident: Incident) -> str:
    """Markdown: every section, with what the record and the incident's story say, and a question where they are
    silent. Names of people who had a part in it are written as roles."""
    known = roles(incident)
    doc = Document("", "", list(_parts(incident, known)), timezone.now(), "tovgov", record.zone_name())
    return documents.markdown.body(doc)


def _parts(incident: Incident, known: dict[str, str]) -> Iterator[Part]:
    yield from _section("Summary", incident.summary or incident.reason, "What happened, in three sentences?", known)
    yield from _section("Impact", incident.impact, "Who could not do what, and for how long?", known)
    yield Heading("Times", 3)
    yield record.times(incident)
    yield Heading("What was lost", 3)
    yield from record.losses(incident)
    yield Heading("Timeline")
    yield _timeline(incident, known)
    for title, name, question in STORY:
        words = getattr(incident, name)
        if name == "root_causes":
            words = _causes(incident) + words
        yield from _section(title, words, question, known)
    yield Heading("Action items")
    yield from _nameless(record.actions(incident), "What will be done, so that it does not come again?", known)
    yield Heading("Lessons")
    yield from _nameless(record.lessons(incident), "Problem, cause, solution: what should the next one find?", known)


def _section(title: str, words: str, question: str, known: dict[str, str]) -> Iterator[Part]:
    yield Heading(title)
    yield Markdown(without_names(words, known) if words.strip() else f"*{question}*")


def _timeline(incident: Incident, known: dict[str, str]) -> Part:
    lines = record.shown_lines(incident)
    if not lines:
        return Paragraph("The timeline is still empty.")
    chosen = [line for line in lines if line.is_pinned] or lines
    note = ""
    if len(chosen) > MOST_LINES or len(chosen) < len(lines):
        note = f"{min(len(chosen), MOST_LINES)} of {len(lines)} lines; an export holds them all."
    return _roles_in(record.timeline(chosen[:MOST_LINES], note), known)


def _nameless(parts: list[Part], question: str, known: dict[str, str]) -> Iterator[Part]:
    if not parts:
        yield Markdown(f"*{question}*")
    for part in parts:
        yield _roles_in(part, known) if isinstance(part, Table) else part


def _roles_in(table: Table, known: dict[str, str]) -> Table:
    rows = [[without_names(cell, known) if isinstance(cell, str) else cell for cell in row] for row in table.rows]
    return replace(table, rows=rows)


def _causes(incident: Incident) -> str:
    """The causes that are counted, as a list."""
    labels = dict(Cause.choices)
    return "".join(f"- {labels.get(cause, cause)}\n" for cause in incident.causes) + ("\n" if incident.causes else "")
