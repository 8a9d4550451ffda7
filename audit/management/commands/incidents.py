"""``manage.py incidents``: incidents from the command line, from their opening to their end."""

from __future__ import annotations

import argparse
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from audit import incidents, losses, timeline
from audit.exceptions import MomentInvalid
from audit.incidents.lifecycle import fits
from audit.jobs import facts as job_facts
from audit.lookup import find_target
from audit.management.base import TovgovCommand
from audit.models import Incident, IncidentKind, IncidentStatus, Severity, TimelineLine
from audit.models.incidents import STAMPS, UNRESOLVED
from audit.tasks import count_loss
from audit.templatetags.format import duration, visible

FIELDS = (
    "number", "title", "kind", "status", "severity", "lead_name", "opened_at", "opened_by", "reason", *STAMPS,
    "lost_rows", "returned_rows", "lost_seconds", "loss_at", "loss_basis", "rto_seconds", "rpo_seconds", "proof_kind",
    "proof_id", "proof_line", "proof_at", "reviewed_by", "closed_at", "closed_by", "closing_note", *incidents.STORY,
    "causes", "timeline_at", "timeline_left_out",
)  # fmt: skip
LOSS = ("table", "rows_before", "rows_after", "lost", "captured", "returned", "basis")
LINE = (
    "id",
    "at",
    "kind",
    "text",
    "source_kind",
    "source_id",
    "what",
    "is_pinned",
    "added_by",
    "hidden_by",
    "hidden_why",
)


def facts(row: Incident) -> dict[str, Any]:
    """The incident as ``--json`` prints it."""
    times = {
        name: length.total_seconds() if (length := getattr(row, name)) is not None else None
        for name in ("time_to_detect", "time_to_acknowledge", "time_to_mitigate", "time_to_resolve")
    }
    steps = [step for step in ("investigate", "mitigate", "resolve", "review", "close", "reopen") if fits(row, step)]
    goals = {goal.name: goal.verdict for goal in losses.goals(row)}
    told = {"code": row.code, "target": row.target.name if row.target else None, "next": steps, "goals": goals}
    accepted = row.acceptance.decided_name if row.acceptance else None
    return told | {name: getattr(row, name) for name in FIELDS} | times | {"loss_accepted_by": accepted}


class Command(TovgovCommand):
    help = "Open incidents, work on them, compute what was lost, prove that it is back, and read their timelines."

    def add_arguments(self, parser: CommandParser) -> None:
        listed = self.verb(parser, "list", self.list, "incidents, newest first")
        listed.add_argument("--open", action="store_true", help="only what is not resolved")
        listed.add_argument("--target", help="only of this target")
        listed.add_argument("--limit", type=int, default=30)
        self._one(parser, "show", self.show, "one incident with its loss and what is owed")
        self._opening(self.verb(parser, "open", self.open, "open one by hand"))
        noted = self._one(parser, "note", self.note, "add a line to its timeline")
        noted.add_argument("text")
        noted.add_argument("--at", help="when it happened, as 2026-06-01T02:10:00+00:00; now when left out")
        for name, words in (("investigate", "take it: you lead it"), ("mitigate", "the impact is over")):
            self._one(parser, name, self.step, words).add_argument("--note", default="")
        for name, words in (("resolve", "everything is as it should be"), ("close", "the end"),
                            ("reopen", "look again")):  # fmt: skip
            self._one(parser, name, self.step, f"{words}, with a note").add_argument("--note", required=True)
        reviewed = self._one(parser, "review", self.review, "its lessons are drawn: you have read the whole record")
        reviewed.add_argument("--note", default="")
        reviewed.add_argument(
            "--ask", action="store_true", help="ask an approver to do without a post-mortem, for the reason in --note"
        )
        lost = self._one(parser, "loss", self.loss, "count the target and compute what was lost")
        self.job_arguments(lost)
        proved = self._one(parser, "prove", self.prove, "link the restore or undelete that brought the rows back")
        proved.add_argument("record", nargs="?", help="restore-12 or undelete-7; left out: list what fits")
        told = self._one(parser, "timeline", self.timeline, "its timeline, oldest first")
        told.add_argument("--assemble", action="store_true", help="take what is new from the records first")
        told.add_argument("--kind", help="only lines of this kind")
        told.add_argument("--pinned", action="store_true")
        told.add_argument("--hidden", action="store_true", help="hidden lines too")

    def _one(self, parser: CommandParser, name: str, act: Any, words: str) -> argparse.ArgumentParser:
        sub = self.verb(parser, name, act, words)
        sub.add_argument("incident", help="its number, 12 or INC-12")
        return sub

    def _opening(self, sub: argparse.ArgumentParser) -> None:
        sub.add_argument("title")
        sub.add_argument("--target")
        sub.add_argument("--kind", choices=IncidentKind.values, default=str(IncidentKind.OTHER))
        sub.add_argument("--severity", choices=Severity.values, default=str(Severity.WARNING))
        sub.add_argument("--reason", default="", help="what is known")
        sub.add_argument("--began", help="when the impact began, as 2026-06-01T02:10:00+00:00")
        sub.add_argument("--detected", help="when it was noticed; now when left out")

    # --- looking --------------------------------------------------------------------------------------------------

    def list(self, options: dict[str, Any]) -> None:
        rows = Incident.objects.select_related("target", "acceptance").order_by("-number")
        rows = rows.filter(status__in=UNRESOLVED) if options["open"] else rows
        rows = rows.filter(target=find_target(options["target"])) if options["target"] else rows
        found = list(rows[: options["limit"]])
        cells = [
            (r.code, visible(r.title), r.kind, r.severity, r.status, r.target, _lost(r), r.lead_name) for r in found
        ]
        headers = ("", "title", "kind", "severity", "status", "target", "lost", "lead")
        self.emit(options, [facts(row) for row in found], self.table(headers, cells))

    def show(self, options: dict[str, Any]) -> None:
        row = incidents.find(options["incident"])
        tables = list(row.losses.values(*LOSS))
        suspicious = [str(one) for one in incidents.suspicious(row)]
        told = facts(row) | {"losses": tables, "suspicious": suspicious}
        if options.get("json"):
            self.emit(options, told)
            return
        self.emit(options, told, "\n".join(_words(row, suspicious)))
        hurt = [one for one in tables if one["lost"] is None or one["lost"]]
        cells = [["unknown" if one[name] is None else one[name] for name in LOSS] for one in hurt]
        if cells:
            self.emit(options, told, self.table([name.replace("_", " ") for name in LOSS], cells))

    def timeline(self, options: dict[str, Any]) -> None:
        row = incidents.find(options["incident"])
        if options["assemble"]:
            timeline.assemble(row, actor=self.actor(options))
        rows = row.lines.order_by("at", "pk")
        rows = rows if options["hidden"] else rows.filter(hidden_at=None)
        rows = rows.filter(kind=options["kind"]) if options["kind"] else rows
        rows = rows.filter(is_pinned=True) if options["pinned"] else rows
        cells = [(f"{r.at:%Y-%m-%d %H:%M:%S}", r.pk, r.kind, _mark(r), visible(r.text)) for r in rows]
        told = {"incident": row.code, "left_out": row.timeline_left_out, "lines": list(rows.values(*LINE))}
        self.emit(options, told, self.table(("at (UTC)", "", "kind", "", "what happened"), cells))
        if row.timeline_left_out and not options.get("json"):
            self.emit(options, told, f"{row.timeline_left_out:,} more entries are left out.")

    # --- acting ---------------------------------------------------------------------------------------------------

    def open(self, options: dict[str, Any]) -> None:
        row = incidents.open_incident(
            options["title"],
            target=find_target(options["target"]) if options["target"] else None,
            actor=self.actor(options),
            reason=options["reason"],
            severity=Severity(options["severity"]),
            kind=IncidentKind(options["kind"]),
            began_at=_moment(options["began"]),
            detected_at=_moment(options["detected"]),
        )
        self.emit(options, facts(row), f"Open: {row}")

    def note(self, options: dict[str, Any]) -> None:
        row = incidents.find(options["incident"])
        line = timeline.add(row, options["text"], actor=self.actor(options), at=_moment(options["at"]))
        self.emit(options, {"incident": row.code, "line": line.pk, "at": line.at}, f"Line {line.pk} of {row.code}.")

    def step(self, options: dict[str, Any]) -> None:
        row = incidents.find(options["incident"])
        verbs: dict[str, Any] = {
            "investigate": incidents.investigate,
            "mitigate": incidents.mitigate,
            "resolve": incidents.resolve,
            "close": incidents.close,
            "reopen": incidents.reopen,
        }
        verbs[options["verb"]](row, actor=self.actor(options), note=options["note"])
        self.emit(options, facts(row), f"{IncidentStatus(row.status).label}: {row}")

    def review(self, options: dict[str, Any]) -> None:
        row, actor = incidents.find(options["incident"]), self.actor(options)
        if options["ask"]:
            approval = incidents.request_waiver(row, actor=actor, reason=options["note"])
            told = facts(row) | {"approval": approval.pk, "approval_state": approval.state}
            self.emit(options, told, f"Approval {approval.pk} is asked for: {approval.summary}")
            return
        incidents.review(row, actor=actor, note=options["note"])
        self.emit(options, facts(row), f"Reviewed: {row}")

    def loss(self, options: dict[str, Any]) -> None:
        row, actor = incidents.find(options["incident"]), self.actor(options)
        job = self.run_job(losses.request(row, actor=actor), count_loss, options, actor=actor)
        row.refresh_from_db()
        words = [f"{row.code}: {_lost(row)} rows lost.", *row.loss_basis.get("words", [])]
        told = facts(row) | {"job": job_facts(job), "losses": list(row.losses.values(*LOSS))}
        self.emit(options, told, f"{job} is queued." if job.is_open else "\n".join(words))

    def prove(self, options: dict[str, Any]) -> None:
        row = incidents.find(options["incident"])
        if options["record"] is None:
            fitting = [(f"{one.row._meta.model_name}-{one.row.pk}", one.at, one.line) for one in losses.proofs(row)]
            told = [{"record": name, "at": at, "line": line} for name, at, line in fitting]
            self.emit(options, told, self.table(("", "in service", "what it proves"), fitting))
            return
        losses.prove(row, losses.find(options["record"]), actor=self.actor(options))
        self.emit(options, facts(row), f"{row.code}: {row.proof_line}")


def _moment(text: str | None) -> datetime | None:
    """An ISO time; without a zone it is UTC. Raises ``MomentInvalid``."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise MomentInvalid(f"“{text[:40]}” is no time.", hint="Write it as 2026-06-01T02:10:00+00:00.") from None
    return found if timezone.is_aware(found) else found.replace(tzinfo=timezone.get_default_timezone())


def _lost(row: Incident) -> str:
    if row.loss_at is None:
        return "not computed"
    if row.lost_rows is None:
        return "unknown"
    return f"{'at least ' if row.loss_basis.get('at_least') else ''}{row.lost_rows:,}"


def _mark(line: TimelineLine) -> str:
    return "hidden" if line.hidden_at else "pinned" if line.is_pinned else ""


def _words(row: Incident, suspicious: list[str]) -> list[str]:
    """The incident for a person, a line a fact."""
    lines = [visible(str(row)), f"{row.kind}, {row.severity}, {row.status}; lead: {row.lead_name or 'nobody'}"]
    lines.append(f"target: {row.target or 'none, or several'}")
    for name in STAMPS:
        at = getattr(row, name)
        lines.append(f"{name.removesuffix('_at')}: {f'{at:%Y-%m-%d %H:%M:%S} UTC' if at else 'not yet, or not known'}")
    lines.append(f"rows lost: {_lost(row)}; returned: {'unknown' if row.returned_rows is None else row.returned_rows}")
    lines += [f"  {words}" for words in row.loss_basis.get("words", [])]
    lines += [f"{goal.name}: {duration(goal.seconds)} ({goal.verdict})" for goal in losses.goals(row)]
    accepted = f"accepted by {row.acceptance.decided_name}" if row.acceptance else "nothing yet"
    lines.append(f"proof: {row.proof_line or accepted}")
    lines += [f"waits for a second person: {visible(one)}" for one in suspicious]
    return lines
