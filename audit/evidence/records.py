"""The records of a pack as JSON lines: every field as it is kept, nothing rounded, nothing translated."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, Q, QuerySet

from audit.evidence.members import Members
from audit.evidence.scope import Scope
from audit.models import (
    ActionItem,
    Alert,
    AlertEvidence,
    AnomalyFiring,
    Approval,
    AuditImport,
    ConnectionAuditLog,
    ConnectionGroup,
    DeleteAuditLog,
    DeleteAuditTransaction,
    Incident,
    IncidentLoss,
    Lesson,
    MaintenanceWindow,
    PostMortem,
    PostMortemRevision,
    ProtectionRun,
    Publication,
    RetiredRange,
    ReviewEvent,
    Runbook,
    RunbookStep,
    SealVerification,
    ServerLogGroup,
    Target,
    TimelineLine,
    Undelete,
)
from audit.reviews import KINDS

JOB_ONLY = {"log", "phases", "claim", "heartbeat_at", "enqueued_at", "done", "total", "unit", "phase"}
CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Record:
    """A file of records: which rows, and the children that go into each (name → model and its foreign key)."""

    name: str
    rows: Callable[[Scope], QuerySet[Any]]
    children: dict[str, tuple[type[Model], str]] | None = None


def _of_targets(model: Any, when: Callable[[Scope], Q], path: str = "target") -> Callable[[Scope], QuerySet[Any]]:
    def rows(scope: Scope) -> QuerySet[Any]:
        found: QuerySet[Any] = model._default_manager.filter(when(scope), **{f"{path}__in": scope.ids})
        return found

    return rows


def _during(*fields: str) -> Callable[[Scope], Q]:
    def when(scope: Scope) -> Q:
        found = Q()
        for field in fields:
            found |= scope.during(field)
        return found

    return when


def _reviews(scope: Scope) -> QuerySet[Any]:
    found = Q()
    for model in KINDS.values():
        ids = model._default_manager.filter(target__in=scope.ids).values("pk")  # type: ignore[misc]
        found |= Q(kind=model._meta.model_name, object_id__in=ids)
    return ReviewEvent.objects.filter(found & scope.during("at"))


RECORDS = (
    Record("targets", lambda scope: Target.objects.filter(pk__in=scope.ids)),
    Record("incidents", _of_targets(Incident, lambda scope: scope.open_during("opened_at", "closed_at")),
           {"losses": (IncidentLoss, "incident"), "timeline": (TimelineLine, "incident")}),
    Record("post-mortems", _of_targets(PostMortem, lambda scope: Q(opened_at__lt=scope.end), "incident__target"),
           {"revisions": (PostMortemRevision, "post_mortem")}),
    Record("runbooks", _of_targets(Runbook, _during("started_at"), "incident__target"),
           {"steps": (RunbookStep, "runbook")}),
    Record("action-items", _of_targets(ActionItem, lambda s: s.open_during("made_at", "finished_at"),
                                       "incident__target")),
    Record("lessons", _of_targets(Lesson, lambda s: Q(made_at__lt=s.end))),
    Record("alerts", _of_targets(Alert, lambda scope: scope.open_during("opened_at", "resolved_at")),
           {"evidence": (AlertEvidence, "alert")}),
    Record("findings", _of_targets(AnomalyFiring, _during("first_at", "last_at"))),
    Record("approvals", _of_targets(Approval, _during("asked_at", "decided_at", "used_at"))),
    Record("windows", _of_targets(MaintenanceWindow, lambda scope: scope.open_during("opened_at", "closed_at"))),
    Record("protection-runs", _of_targets(ProtectionRun, _during("queued_at"))),
    Record("undeletes", _of_targets(Undelete, _during("queued_at"))),
    Record("delete-transactions", _of_targets(DeleteAuditTransaction, _during("at"))),
    Record("connection-groups", _of_targets(ConnectionGroup, _during("at"))),
    Record("log-groups", _of_targets(ServerLogGroup, _during("at"))),
    Record("reviews", _reviews),
    Record("seal-verifications", _of_targets(SealVerification, _during("queued_at"))),
    Record("imports-failed", _of_targets(AuditImport, lambda s: s.during("queued_at") & Q(state="failed"),
                                         "source__target")),
    Record("retired-entries", _of_targets(RetiredRange, lambda scope: Q(), "tree__source__target")),
    Record("publications", _of_targets(Publication, lambda s: s.during("checkpoint__at"),
                                       "checkpoint__tree__source__target")),
    Record("unsealed-deleted-rows", _of_targets(DeleteAuditLog, lambda s: s.during("at") & Q(leaf=None))),
    Record("unsealed-connections", _of_targets(ConnectionAuditLog, lambda s: s.during("at") & Q(leaf=None))),
)  # fmt: skip
"""Files below ``records/``. Sealed entries lie below ``sealed/``, with their proof."""


def write(members: Members, scope: Scope) -> None:
    """All of them."""
    for record in RECORDS:
        members.lines(f"records/{record.name}.jsonl", _rows(record, scope))


def _rows(record: Record, scope: Scope) -> Generator[dict[str, Any]]:
    rows = record.rows(scope).order_by("pk")
    names = _fields(rows.model)
    for row in rows.values(*names).iterator(CHUNK):
        for name, (model, key) in (record.children or {}).items():
            children = model._default_manager.filter(**{key: row["id"]}).order_by("pk")
            row[name] = list(children.values(*_fields(model)))
        yield row


def _fields(model: type[Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields if field.attname not in JOB_ONLY]
