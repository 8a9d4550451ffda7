"""What the record says of an incident, as parts of a document: the same in the first text and in every export."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils import timezone

from audit.documents import Cell, Facts, Heading, Paragraph, Part, Table
from audit.models import Incident, TimelineLine

STAMPS = (
    ("Impact began", "began_at"), ("Detected", "detected_at"), ("Acknowledged", "acknowledged_at"),
    ("Mitigated", "mitigated_at"), ("Resolved", "resolved_at"),
)  # fmt: skip
SPANS = (
    ("Time to detect", "time_to_detect"), ("Time to acknowledge", "time_to_acknowledge"),
    ("Time to mitigate", "time_to_mitigate"), ("Time to resolve", "time_to_resolve"),
)  # fmt: skip
UNKNOWN = "not known"


def zone_name() -> str:
    """The time zone that people of this installation read times in."""
    return timezone.get_current_timezone_name()


def head(incident: Incident) -> Facts:
    """What it is, where, and what proves its end."""
    pairs = [
        ("Incident", incident.code),
        ("Target", incident.target.name if incident.target else "none"),
        ("Kind", incident.get_kind_display()),
        ("Severity", incident.get_severity_display()),
        ("Status", incident.get_status_display()),
    ]
    if incident.proof_at:
        pairs.append(("Proof of recovery", incident.proof_line))
    elif incident.acceptance:
        pairs.append(("Loss accepted", "by an approver, for a reason that stands in the ledger"))
    return Facts(pairs)


def times(incident: Incident) -> Table:
    """Its stamps, and the spans between them."""
    rows: list[Sequence[Cell]] = [[words, getattr(incident, name) or UNKNOWN] for words, name in STAMPS]
    rows += [[words, span(getattr(incident, name))] for words, name in SPANS]
    return Table(["What", "When or how long"], rows, note=f"Times are {zone_name()}.")


def losses(incident: Incident) -> list[Part]:
    """The loss in rows and in time."""
    rows: list[Sequence[Cell]] = [
        [one.table, one.rows_before, one.rows_after, one.lost, one.returned, one.basis] for one in incident.losses.all()
    ]
    lost = UNKNOWN if incident.lost_rows is None else f"{incident.lost_rows:,}"
    back = UNKNOWN if incident.returned_rows is None else f"{incident.returned_rows:,}"
    sums = f"Rows lost: {lost}. Rows that came back: {back}."
    if incident.lost_seconds is not None:
        sums += f" Data written within {span(timedelta(seconds=incident.lost_seconds))} may be gone for good."
    if not rows:
        return [Paragraph(f"No loss was computed. {sums}")]
    return [Table(["Table", "Before", "After", "Lost", "Came back", "How that is known"], rows, note=sums)]


def timeline(lines: Sequence[TimelineLine], note: str = "") -> Table:
    """Lines of the timeline with the record each rests on."""
    rows: list[Sequence[Cell]] = [[one.at, one.kind, one.text, evidence(one)] for one in lines]
    return Table(["When", "What", "Line", "Evidence"], rows, note=note)


def shown_lines(incident: Incident) -> list[TimelineLine]:
    """The timeline without what somebody hid."""
    return list(incident.lines.filter(hidden_at=None))


def evidence(line: TimelineLine) -> str:
    return f"{line.source_kind.rpartition('.')[2]} {line.source_id}" if line.source_kind else "note"


def actions(incident: Incident) -> list[Part]:
    """What is owed and what was done. Owners stand on the incident's page, not here."""
    rows: list[Sequence[Cell]] = [
        [one.title, one.get_state_display(), one.due_on.isoformat() if one.due_on else None, one.finish_note]
        for one in incident.action_items.order_by("id")
    ]
    return [Table(["Action", "State", "Due", "What came of it"], rows)] if rows else []


def lessons(incident: Incident) -> list[Part]:
    """What was learned, and still holds."""
    kept = incident.lessons.filter(retired_at=None).order_by("id")
    rows: list[Sequence[Cell]] = [[one.problem, one.cause, one.solution] for one in kept]
    return [Table(["Problem", "Cause", "Solution"], rows)] if rows else []


def appendix(incident: Incident) -> list[Part]:
    """What follows people's words in an export."""
    lines = shown_lines(incident)
    hidden = incident.lines.exclude(hidden_at=None).count()
    note = f"{len(lines)} lines." + (f" {hidden} more are hidden, and stay on record." if hidden else "")
    return [
        Heading("From the record"),
        Paragraph("What follows was written by tovgov from its records, not by a person."),
        Heading("Times", 3),
        times(incident),
        Heading("What was lost", 3),
        *losses(incident),
        Heading("Timeline", 3),
        timeline(lines, note),
        *_titled("Action items", actions(incident)),
        *_titled("Lessons", lessons(incident)),
    ]


def _titled(title: str, parts: list[Part]) -> list[Part]:
    return [Heading(title, 3), *parts] if parts else []


def span(value: timedelta | datetime | None) -> str:
    """A length of time in words: 1 h 5 min."""
    if not isinstance(value, timedelta):
        return UNKNOWN
    seconds = int(value.total_seconds())
    days, hours, minutes = seconds // 86_400, seconds // 3600 % 24, seconds // 60 % 60
    parts = [f"{number} {word}" for number, word in ((days, "d"), (hours, "h"), (minutes, "min")) if number]
    return " ".join(parts) or f"{seconds} s"
