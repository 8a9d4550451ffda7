"""The verbs of imported reports: take a file, read it again, confirm its draft, throw it away."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import action_items, incidents, ledger, lessons
from audit.action_items.items import LONGEST as LONGEST_ACTION
from audit.actors import Actor
from audit.exceptions import (
    IncidentReportDecided,
    IncidentReportKnown,
    IncidentReportNoIncident,
    IncidentReportUndated,
    IncidentReportZoneUnknown,
    NoSuchIncidentReport,
    ReasonMissing,
    StampsOutOfOrder,
)
from audit.incident_reports.decode import decode
from audit.incident_reports.draft import Draft
from audit.incident_reports.read import read
from audit.models import Incident, IncidentKind, IncidentReport, IncidentReportState, Severity, Target, TimelineLine
from audit.models.incidents import STAMPS

IMPORT = "audit.import_report"
SOURCE = "audit.IncidentReport"
NAME = 255


def find(pk: str | int) -> IncidentReport:
    """An imported report by its number. Raises ``NoSuchIncidentReport``."""
    text = str(pk).strip()
    row = IncidentReport.objects.filter(pk=int(text)).first() if text.isdecimal() and len(text) < 19 else None
    if row is None:
        raise NoSuchIncidentReport(f"There is no imported report {text[:20]}.")
    return row


def known(data: bytes) -> IncidentReport | None:
    """The same file, if it was imported before and not thrown away."""
    sha256 = hashlib.sha256(data).hexdigest()
    return IncidentReport.objects.filter(sha256=sha256).exclude(state=IncidentReportState.THROWN_AWAY).first()


def take(
    data: bytes, name: str, *, actor: Actor, zone: str = "", day: date | None = None, anyway: bool = False
) -> IncidentReport:
    """Keep a file and what was read from it as a draft; nothing else changes. ``anyway`` also takes what looks like no
    incident. Raises ``NotPermitted``, ``IncidentReportTooLarge``, ``IncidentReportUnreadable``,
    ``IncidentReportKnown``, ``IncidentReportZoneUnknown`` and ``IncidentReportNoIncident``."""
    actor.require(IMPORT)
    if same := known(data):
        raise IncidentReportKnown(f"The same file was imported before, as report {same.pk}.", report=same.pk)
    found = decode(data)
    name = _name(name)
    zone = zone or timezone.get_current_timezone_name()
    draft = read(found.text, zone=_zone(zone), day=day, name=name)
    if not (anyway or draft.is_incident()):
        raise IncidentReportNoIncident
    facts: dict[str, Any] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "encoding": found.encoding}
    try:
        with transaction.atomic():
            row = IncidentReport.objects.create(
                name=name, source=found.source, text=found.text, repairs=found.repairs, zone=zone, day=day,
                draft=draft.as_json(), target=_target(draft), imported_by=actor.name, **facts,
            )  # fmt: skip
            ledger.append(
                "incident_report.take", actor=actor, obj=row, target=row.target, repairs=len(found.repairs), **facts
            )
    except IntegrityError as error:
        if "a_report_is_imported_once" in str(error):
            raise IncidentReportKnown from None
        raise
    return row


def read_again(row: IncidentReport, *, zone: str, day: date | None, actor: Actor) -> None:
    """Read a draft's file again with another time zone or day. Raises ``NotPermitted``, ``IncidentReportDecided`` and
    ``IncidentReportZoneUnknown``."""
    actor.require(IMPORT)
    there = _zone(zone)
    with transaction.atomic():
        held = _draft(row)
        draft = read(held.text, zone=there, day=day, name=held.name)
        IncidentReport.objects.filter(pk=held.pk).update(draft=draft.as_json(), zone=zone, day=day)
        ledger.append("incident_report.read", actor=actor, obj=held, target=held.target, zone=zone, day=str(day or ""))
    row.refresh_from_db()


def throw_away(row: IncidentReport, *, actor: Actor, reason: str) -> None:
    """No incident of ours: it stays on record, with the reason. Raises ``NotPermitted``, ``ReasonMissing`` and
    ``IncidentReportDecided``."""
    actor.require(IMPORT)
    if not reason.strip():
        raise ReasonMissing
    with transaction.atomic():
        held = _draft(row)
        _decide(held, IncidentReportState.THROWN_AWAY, actor, reason=reason.strip())
        ledger.append("incident_report.throw_away", actor=actor, obj=held, target=held.target, reason=reason)
    row.refresh_from_db()


def confirm(
    row: IncidentReport, *, actor: Actor, title: str, kind: IncidentKind, severity: Severity, target: Target | None,
    stamps: Mapping[str, datetime | None],
) -> Incident:  # fmt: skip
    """Make the draft an incident: its story, timeline, action items and lessons, its stamps as the person gives them.
    What was lost is never resolved by a report: that needs a proof. Raises ``NotPermitted``, ``IncidentReportDecided``,
    ``IncidentReportUndated``, ``IncidentInvalid`` and ``StampsOutOfOrder``."""
    actor.require(IMPORT)
    known_stamps = {name: at for name in STAMPS if (at := stamps.get(name))}
    _check(known_stamps)
    with transaction.atomic():
        held = _draft(row)
        draft = Draft.from_json(held.draft)
        incident = incidents.open_incident(
            title, target=target, actor=actor, reason=f"Imported from {held.name}.", severity=severity, kind=kind,
            began_at=known_stamps.get("began_at"), detected_at=known_stamps.get("detected_at") or _first(known_stamps),
        )  # fmt: skip
        incidents.tell(incident, draft.story, version=incident.version, actor=actor)
        lines = _lines(incident, held, draft, actor)
        _owed(incident, draft, actor)
        _walk(incident, known_stamps, held, actor)
        IncidentReport.objects.filter(pk=held.pk).update(target=target)
        _decide(held, IncidentReportState.CONFIRMED, actor, incident=incident)
        ledger.append(
            "incident_report.confirm", actor=actor, obj=held, target=target, incident=incident.number, lines=lines,
            stamps={name: at.isoformat() for name, at in known_stamps.items()},
        )  # fmt: skip
    row.refresh_from_db()
    return incident


# --- what they share --------------------------------------------------------------------------------------------------


def _draft(row: IncidentReport) -> IncidentReport:
    held = IncidentReport.objects.select_for_update().get(pk=row.pk)
    if held.state != IncidentReportState.DRAFT:
        raise IncidentReportDecided(f"It is {held.get_state_display().lower()} already.")
    return held


def _decide(held: IncidentReport, to: IncidentReportState, actor: Actor, **changes: Any) -> None:
    IncidentReport.objects.filter(pk=held.pk).update(
        state=to, decided_at=timezone.now(), decided_by=actor.name, **changes
    )


def _check(stamps: Mapping[str, datetime]) -> None:
    if "began_at" not in stamps and "detected_at" not in stamps:
        raise IncidentReportUndated
    times = list(stamps.values())
    if times != sorted(times):
        raise StampsOutOfOrder


def _first(stamps: Mapping[str, datetime]) -> datetime:
    """Who does not know when it was noticed knows that it was not before it began."""
    return stamps["began_at"]


def _lines(incident: Incident, row: IncidentReport, draft: Draft, actor: Actor) -> int:
    """The timeline, each line with the report as its evidence."""
    found = [
        TimelineLine(
            incident=incident, at=datetime.fromisoformat(event.at), kind="report", text=event.text, source_kind=SOURCE,
            source_id=row.pk, what=f"line {number}", added_by=actor.name,
        )
        for number, event in enumerate(draft.events, start=1)
    ]  # fmt: skip
    TimelineLine.objects.bulk_create(found)
    return len(found)


def _owed(incident: Incident, draft: Draft, actor: Actor) -> None:
    """Its action items, done ones finished, and its lessons."""
    for one in draft.actions:
        first = " ".join(one.text.split("\n")[0].split())
        title = first if len(first) <= LONGEST_ACTION else f"{first[: LONGEST_ACTION - 1]}…"
        detail = "" if title == one.text else one.text
        row = action_items.add(title or "From the report", detail=detail, incident=incident, actor=actor)
        if one.is_done:
            action_items.finish(row, actor=actor, note="As the imported report says.")
    for lesson in draft.lessons:
        problem = lesson.problem.strip() or incident.title
        lessons.add(problem, lesson.solution, cause=lesson.cause, incident=incident, actor=actor)


def _walk(incident: Incident, stamps: Mapping[str, datetime], row: IncidentReport, actor: Actor) -> None:
    """As far through the statuses as the report's times go; a loss stays unresolved until it is proved."""
    if at := stamps.get("acknowledged_at"):
        Incident.objects.filter(pk=incident.pk).update(acknowledged_at=at)
        incident.refresh_from_db()
    resolved = stamps.get("resolved_at")
    if over := stamps.get("mitigated_at") or resolved:
        incidents.mitigate(incident, actor=actor, at=over)
    if resolved and not incident.is_lossy:
        incidents.resolve(incident, actor=actor, at=resolved, note=f"As {row.name} says.")
    elif resolved:
        TimelineLine.objects.create(
            incident=incident, at=resolved, kind="report", source_kind=SOURCE, source_id=row.pk, what="resolved",
            text="Resolved, says the imported report. tovgov has seen no proof of it.", added_by=actor.name,
        )  # fmt: skip


def _target(draft: Draft) -> Target | None:
    """The target that the report names, if there is exactly one like that."""
    words = draft.target.strip(" `*_.").lower()
    if not words:
        return None
    found = [one for one in Target.objects.all() if words in (one.name.lower(), one.database.lower())]
    exact = [one for one in found if one.name.lower() == words]
    return (exact or found)[0] if len(exact or found) == 1 else None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise IncidentReportZoneUnknown(f"There is no time zone “{name[:40]}”.") from None


def _name(name: str) -> str:
    """The file's name without its folders and without signs that no name has."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(char if char.isprintable() else "\ufffd" for char in last)[:NAME] or "report.md"
