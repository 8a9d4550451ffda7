"""Putting deleted rows back: acts on transactions, on rows and on a finished dry run; the page of the job; the live row
beside a deleted one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from audit.actors import Actor
from audit.admin.acts import Act, Done, Outcome, Reason
from audit.admin.approvals import ApprovalAdmin
from audit.admin.base import actor_of
from audit.admin.deletions import DeleteAuditLogAdmin, DeleteAuditTransactionAdmin, values
from audit.admin.jobs import JobAdmin
from audit.exceptions import TovgovError
from audit.models import Approval, DeleteAuditLog, JobState, Target, Undelete
from audit.templatetags.tovgov import page_of
from audit.undelete import live, request
from audit.undelete.findings import ACCEPTABLE

CONFLICTS = [("refuse", "Refuse: nothing comes back"), ("skip", "Leave such rows out; the others come back")]


class PutBackAct(Act):
    """Chosen transactions or rows are one act, on terms that the page asks for; a dry run's own terms are kept."""

    permission = request.UNDELETE

    def wish(self, objects: Sequence[Any], data: dict[str, Any]) -> tuple[Target, request.Wish]:
        if isinstance(objects[0], Undelete):
            return objects[0].target, request.wish_of(objects[0])
        numbers = [obj.pk for obj in objects]
        terms = {"on_conflict": data["on_conflict"], "accept": data["accept"]}
        is_row = isinstance(objects[0], DeleteAuditLog)
        return request.wish(rows=numbers, **terms) if is_row else request.wish(numbers, **terms)

    def fields(self, objects: Sequence[Any]) -> dict[str, forms.Field]:
        if isinstance(objects[0], Undelete):
            return {}
        losses = [(code, f"{words[0].upper()}{words[1:]}") for code, words in ACCEPTABLE.items()]
        several = forms.CheckboxSelectMultiple()
        return {
            "on_conflict": forms.ChoiceField(label="When another row stands in the way", choices=CONFLICTS),
            "accept": forms.MultipleChoiceField(
                label="Losses that are accepted", choices=losses, widget=several, required=False
            ),
        }

    def perform_all(self, objects: Sequence[Any], *, actor: Actor, data: dict[str, Any]) -> list[Outcome]:
        try:
            return [Outcome(objects[0], self.begin(*self.wish(objects, data), actor, data), None)]
        except TovgovError as error:
            return [Outcome(objects[0], None, error)]

    def begin(self, target: Target, wanted: request.Wish, actor: Actor, data: dict[str, Any]) -> Done:
        raise NotImplementedError


class DryRun(PutBackAct):
    slug = "put-back-dry-run"
    label = "Put back (dry run)"

    def consequences(self, obj: Any) -> list[str]:
        return [
            "The rows are really put back, read again and compared; then all of it is taken back.",
            "You see every statement, the order of the tables, and what stands in the way.",
            "For that moment it holds the locks of an ordinary INSERT.",
        ]

    def begin(self, target: Target, wanted: request.Wish, actor: Actor, data: dict[str, Any]) -> Done:
        undelete = request.dry_run(target, wanted, actor=actor)
        return Done("The dry run is queued.", page_of(undelete))


class AfterDryRun(PutBackAct):
    reason = Reason.NEEDED

    def applies(self, obj: Any) -> bool:
        """On a dry run: when it ended well and nothing stands in the way."""
        if not isinstance(obj, Undelete):
            return True
        return obj.dry_run and obj.state == JobState.SUCCEEDED and not obj.plan["refusals"]


class PutBack(AfterDryRun):
    slug = "put-back"
    label = "Put back"
    tone = "primary"

    def consequences(self, obj: Any) -> list[str]:
        return [
            "The rows come back in one transaction, parents before children.",
            "Each is read again and must equal the deleted one, or all of it is taken back.",
            "It needs a dry run on the same terms, not older than a day; on production a second person's approval too.",
        ]

    def begin(self, target: Target, wanted: request.Wish, actor: Actor, data: dict[str, Any]) -> Done:
        undelete = request.request(target, wanted, actor=actor, reason=data["reason"])
        return Done(f"{undelete} is queued.", page_of(undelete))


class AskApproval(AfterDryRun):
    slug = "put-back-ask"
    label = "Ask for approval"

    def applies(self, obj: Any) -> bool:
        return super().applies(obj) and bool(obj.target.is_production)

    def consequences(self, obj: Any) -> list[str]:
        return ["A second person reads the dry run and decides. Nothing starts by itself."]

    def begin(self, target: Target, wanted: request.Wish, actor: Actor, data: dict[str, Any]) -> Done:
        approval = request.ask_approval(target, wanted, actor=actor, reason=data["reason"])
        return Done("A second person is asked. Come back here when it is approved.", page_of(approval))


ACTS: list[Act] = [DryRun(), PutBack(), AskApproval()]
DeleteAuditTransactionAdmin.acts = [*DeleteAuditTransactionAdmin.acts, *ACTS]
DeleteAuditLogAdmin.acts = [*DeleteAuditLogAdmin.acts, *ACTS]


def _go_on(approval: Approval) -> str:
    """The dry run that was approved: there it is started."""
    shown = Undelete.objects.filter(fingerprint=approval.fingerprint, dry_run=True, state=JobState.SUCCEEDED)
    newest = shown.order_by("-finished_at").first()
    return page_of(newest) if newest else ""


ApprovalAdmin.continuations["undelete"] = (request.UNDELETE, _go_on)


@admin.register(Undelete)
class UndeleteAdmin(JobAdmin):
    acts = [*JobAdmin.acts, PutBack(), AskApproval()]
    record_template = "tovgov/undelete.html"
    list_display = ("__str__", "state_word", "rows_back", "asked_name", "queued")
    list_filter = ("state", "dry_run")
    list_select_related = ("target",)
    empty_note = "No deleted row was put back yet. Open a delete and choose Put back (dry run)."

    @admin.display(description="rows")
    def rows_back(self, obj: Undelete) -> str:
        return f"{obj.plan['put']:,} of {obj.plan['rows']:,}" if obj.plan else "–"

    def is_personal(self, obj: Any) -> bool:
        """Its examples are values of rows."""
        return any(finding.get("examples") for table in obj.plan.get("tables", []) for finding in table["findings"])

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        refusing = {(finding["table"], finding["code"]) for finding in obj.plan.get("refusals", [])}
        tables = [
            table | {"findings": [f | {"refuses": (f["table"], f["code"]) in refusing} for f in table["findings"]]}
            for table in obj.plan.get("tables", [])
        ]
        more = {"undelete": obj, "tables": tables, "transactions": obj.transactions.all()[:20]}
        return super().record(request, obj) | more


# --- the live row -----------------------------------------------------------------------------------------------------


def beside(http: HttpRequest, deleted: DeleteAuditLog) -> dict[str, Any]:
    """The live row for the page of a deleted one: each column as it was and as it is now."""
    found = live.live_row(deleted, actor=actor_of(http))
    now = {value.column: value for value in values(_as_row(found.values), [])}
    pairs = [
        {"was": was, "now": now.get(was.column), "differs": was.column in found.differs}
        for was in values(deleted.row, deleted.masked)
    ]
    return {"live": found, "pairs": pairs}


def _as_row(texts: dict[str, str]) -> str:
    """JSON text of an object whose values are JSON texts already."""
    return "{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in texts.items()) + "}"


DeleteAuditLogAdmin.beside.append(beside)
