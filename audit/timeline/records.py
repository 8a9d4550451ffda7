"""Lines from what tovgov itself keeps: the incident's own steps, its alerts with their evidence, reviews, and what
happened to the target meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from django.apps import apps
from django.db.models import Q

from audit import registry
from audit.lists import around
from audit.models import (
    ActionItem,
    Alert,
    AlertEvidence,
    Approval,
    Incident,
    LedgerEntry,
    MaintenanceWindow,
    PostMortem,
    Reviewed,
    ReviewEvent,
    RunbookStep,
    Target,
)
from audit.timeline import logs
from audit.timeline.entry import NOTABLE, OWN, REST, Entry, of, one_line

STEPS = {
    "incident.open": "The incident was opened by {actor}",
    "incident.escalate": "The incident grew: {now}",
    "incident.investigate": "{actor} investigates",
    "incident.mitigate": "Mitigated, says {actor}",
    "incident.resolve": "Resolved, says {actor}",
    "incident.review": "Reviewed by {actor}",
    "incident.close": "Closed by {actor}",
    "incident.reopen": "Reopened by {actor}",
    "incident.classify": "{actor} changed what kind of incident it is",
    "incident.stamps": "{actor} corrected the times",
    "incident.loss": "The loss was computed: {lost} rows",
    "incident.prove": "{actor} linked the proof",
    "incident.accept_loss": "{actor} used the acceptance of the loss",
}
"""The incident's own entries of the ledger, in words that do not change."""
MEANWHILE = {
    "restore.undo": "{actor} undid a restore",
    "restore.redo": "{actor} redid a restore",
    "restore.drop_kept": "{actor} dropped the former database",
    "target.pin": "{actor} pinned the target's identity anew",
    "alert.acknowledge": "{actor} acknowledged an alert",
    "alert.silence": "{actor} silenced an alert",
}
ANSWERS = {
    "runbook.tick": "{actor} ticked: {label}",
    "runbook.untick": "{actor} took the tick back: {label}",
    "action.add": "{actor} wrote down what is owed: {label}",
    "action.finish": "{actor} has done: {label}",
    "action.drop": "{actor} dropped: {label}",
    "postmortem.review": "{actor} reviewed the post-mortem",
}
"""What people did about it, by the ledger."""
REVIEW_STEPS = {"suspect": "found suspicious", "close": "closed after a second look", "reopen": "reopened"}


def own(row: Incident) -> Iterator[Entry]:
    """The incident's own steps."""
    rows = LedgerEntry.objects.filter(object_type=Incident._meta.label, object_id=str(row.pk), action__in=STEPS)
    for entry in rows.order_by("number"):
        grown = ", ".join(f"{name} {value}" for name, value in entry.detail.items())
        lost = entry.detail.get("lost")
        said = "an unknown number of" if lost is None else f"{lost:,}"
        words = STEPS[entry.action].format(actor=entry.actor, now=grown, lost=said)
        yield of(entry, entry.at, "incident", f"{words}: {entry.reason}" if entry.reason else words, rank=OWN)


def answers(row: Incident) -> Iterator[Entry]:
    """Steps of its runbooks that were ticked, its action items, its post-mortem."""
    about = {
        RunbookStep._meta.label: RunbookStep.objects.filter(runbook__incident=row),
        ActionItem._meta.label: ActionItem.objects.filter(incident=row),
        PostMortem._meta.label: PostMortem.objects.filter(incident=row),
    }
    for label, rows in about.items():
        keys = [str(pk) for pk in rows.values_list("pk", flat=True)]
        steps = LedgerEntry.objects.filter(object_type=label, object_id__in=keys, action__in=ANSWERS)
        for entry in steps.order_by("number"):
            words = ANSWERS[entry.action].format(actor=entry.actor, label=entry.object_label)
            yield of(entry, entry.at, "answer", f"{words}: {entry.reason}" if entry.reason else words, rank=OWN)


def reviews(row: Incident, most: int) -> Iterator[Entry]:
    """What was found suspicious and joined it, and the steps of those reviews."""
    for kind in Reviewed.__subclasses__():
        rows = list(kind._default_manager.filter(incident=row).order_by("-at", "-pk")[:most])
        yield from logs.reviewed(rows)
        steps = ReviewEvent.objects.filter(
            kind=kind._meta.model_name, object_id__in=[one.pk for one in rows], act__in=REVIEW_STEPS
        )
        for step in steps.order_by("pk")[:most]:
            words = f"{step.who}: {REVIEW_STEPS[step.act]}, {kind._meta.verbose_name} {step.object_id}"
            yield of(step, step.at, "review", f"{words}: {step.note}" if step.note else words, rank=OWN)


def alerts(row: Incident, start: datetime, end: datetime) -> Iterator[Entry]:
    """Its alerts and those of the target in these hours, and the entries that its own ones cite."""
    around_it = Q(target=row.target) & (Q(opened_at__range=(start, end)) | Q(resolved_at__range=(start, end)))
    for alert in Alert.objects.filter(Q(incident=row) | around_it if row.target_id else Q(incident=row)):
        rank = OWN if alert.incident_id == row.pk else NOTABLE
        yield of(alert, alert.opened_at, "alert", f"Alert: {alert.title}", what="raised", rank=rank)
        if alert.resolved_at:
            yield of(alert, alert.resolved_at, "alert", f"Alert over: {alert.title}", what="over", rank=rank)
    for cited in AlertEvidence.objects.filter(alert__incident=row).order_by("at", "pk"):
        yield _cited(cited)


CITED = {"deleteaudittransaction": "delete", "serverlogentry": "log", "connectionauditlog": "connection"}


def _cited(cited: AlertEvidence) -> Entry:
    """As its own record tells it, or, when that is retired, as the alert has it."""
    try:
        model = apps.get_model("audit", cited.kind)
    except LookupError:
        return of(cited, cited.at, "alert", cited.line, rank=OWN)
    kind = CITED.get(cited.kind, "alert")
    entry = Entry(cited.at, kind, one_line(cited.line), model._meta.label, cited.object_id, rank=OWN)
    record = model._default_manager.filter(pk=cited.object_id).first() if model in logs.TELLERS else None
    return replace(logs.TELLERS[model](record), rank=OWN) if record is not None else entry


def meanwhile(target: Target, start: datetime, end: datetime) -> Iterator[Entry]:
    """Backups, restores, verifications, windows, protection runs, undeletes, approvals, and some of the ledger."""
    for moment in around.few(target, start, end):
        told = _moment(moment)
        if told is not None:
            yield told
    yield from _approvals(target, start, end)
    rows = LedgerEntry.objects.filter(target=target.name, action__in=MEANWHILE, at__gte=start, at__lte=end)
    for entry in rows.order_by("number")[: around.FEW]:
        words = f"{MEANWHILE[entry.action].format(actor=entry.actor)}: {entry.object_label}"
        yield of(entry, entry.at, "ledger", f"{words}: {entry.reason}" if entry.reason else words, rank=NOTABLE)


def _moment(moment: around.Moment) -> Entry | None:
    """The entry of something that happened seldom; None for what is told elsewhere or says too little."""
    row, name = moment.row, str(moment.row._meta.model_name)
    if isinstance(row, Alert | Incident):
        return None
    if moment.what == "began" and name in ("backup", "verification"):
        return None
    if isinstance(row, MaintenanceWindow):
        who = row.opened_by if moment.what == "opened" else row.closed_by or "tovgov"
        text = f"Maintenance window {moment.what} by {who}: {row.reason}"
        return of(row, moment.at, "window", text, what=moment.what, rank=NOTABLE)
    label = str(row._meta.verbose_name).capitalize()
    how = f"ended, {row.get_state_display().lower()}" if moment.what == "ended" else moment.what
    rank = OWN if name in ("restore", "undelete") else REST if row.state == "succeeded" else NOTABLE
    kind = "protection" if name == "protectionrun" else name
    return of(row, moment.at, kind, f"{label} {how}: {row}", what=moment.what, rank=rank)


def _approvals(target: Target, start: datetime, end: datetime) -> Iterator[Entry]:
    for name, words in (("asked_at", "{row.asked_name} asked for approval"), ("decided_at", "{row.decided_name}"),
                        ("used_at", "Approval used")):  # fmt: skip
        rows = Approval.objects.filter(target=target, **{f"{name}__gte": start, f"{name}__lte": end})
        for row in rows.order_by("pk")[: around.FEW]:
            said = words.format(row=row)
            if name == "decided_at":
                verdict = "refused" if row.state == "refused" else "expired" if row.state == "expired" else "approved"
                said = f"{said or 'Time'} {verdict}" if verdict != "expired" else "Approval expired"
            what = name.removesuffix("_at")
            yield of(row, getattr(row, name), "approval", f"{said}: {row.summary}", what=what, rank=NOTABLE)


def last_backup(row: Incident) -> Iterator[Entry]:
    """The last proved backup before the impact, however long before."""
    if row.target is None or row.began_at is None:
        return
    for teller in registry.proved_counts:
        known = teller(row.target, row.began_at)
        if known is not None:
            text = f"Data of {known.words}, the last one before the impact: {sum(known.tables.values()):,} rows"
            yield of(known.row, known.at, "backup", text, what="data", rank=OWN)
