"""Approvals: the facts, and a yes or no by somebody who did not ask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from audit import approvals
from audit.actors import Actor
from audit.admin.acts import Act, Done, Reason
from audit.admin.base import RecordAdmin
from audit.models import Approval, ApprovalState
from audit.templatetags.tovgov import age, environment_badge, state_badge


class Decision(Act):
    permission = "audit.decide_approval"
    in_list = False

    def applies(self, obj: Approval) -> bool:
        return obj.state == ApprovalState.WAITING


class Approve(Decision):
    slug = "approve"
    label = "Approve"
    tone = "primary"
    reason = Reason.WELCOME
    reason_label = "Note"

    def consequences(self, obj: Approval) -> list[str]:
        return [
            obj.summary,
            f"{obj.asked_name} (or another person, never you) may then start exactly this, once, until it expires.",
            "Nothing starts by itself.",
        ]

    def perform(self, obj: Approval, *, actor: Actor, data: dict[str, Any]) -> Done:
        approvals.approve(obj, actor=actor, note=data["reason"])
        return Done(f"Approved. {obj.asked_name} may start it now.")


class Refuse(Decision):
    slug = "refuse"
    label = "Refuse"
    tone = "danger"
    reason = Reason.NEEDED
    reason_label = "Why not?"

    def consequences(self, obj: Approval) -> list[str]:
        return ["It will not happen on this request.", f"{obj.asked_name} reads your reason here and may ask again."]

    def perform(self, obj: Approval, *, actor: Actor, data: dict[str, Any]) -> Done:
        approvals.refuse(obj, actor=actor, note=data["reason"])
        return Done("Refused.")


@admin.register(Approval)
class ApprovalAdmin(RecordAdmin):
    acts = [Approve(), Refuse()]
    continuations: ClassVar[dict[str, tuple[str, Callable[[Approval], str]]]] = {}
    """By the first word of an action: the permission to start it, and where that is done."""
    record_template = "tovgov/approval.html"
    list_display = ("summary_line", "environment", "state_word", "asked_name", "asked", "decided_name")
    list_filter = ("state", "action", ("asked_at", admin.DateFieldListFilter))
    search_fields = ("summary", "asked_name", "decided_name", "reason")
    list_select_related = ("target",)
    empty_note = "Nobody asks for anything. A restore on production needs a second person; it will wait here."

    @admin.display(description="what")
    def summary_line(self, obj: Approval) -> str:
        return Truncator(obj.summary).chars(90)

    @admin.display(description="environment")
    def environment(self, obj: Approval) -> SafeString | str:
        return environment_badge(obj.target.environment) if obj.target else "–"

    @admin.display(description="state", ordering="state")
    def state_word(self, obj: Approval) -> SafeString:
        return state_badge(obj.state, obj.get_state_display())

    @admin.display(description="asked", ordering="asked_at")
    def asked(self, obj: Approval) -> SafeString | str:
        return age(obj.asked_at)

    def buttons(self, request: HttpRequest, obj: Any) -> list[dict[str, Any]]:
        """Who asked sees no Approve: somebody else must decide."""
        return [] if self._asked_by(request, obj) else super().buttons(request, obj)

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        facts = {name: value for name, value in obj.detail.items() if name != "options" and value}
        rows = facts.get("tables", [])
        is_comparison = bool(rows) and all({"live", "backup"} <= set(row) for row in rows)
        return {
            "title": obj.summary,
            "approval": obj,
            "is_mine": self._asked_by(request, obj),
            "trail_here": f"Approval {obj.pk}",
            "comparison": facts.pop("tables") if is_comparison else [],
            "facts": facts,
            "start_url": self._start_url(request, obj),
        }

    def _start_url(self, request: HttpRequest, obj: Approval) -> str:
        """Where to go on with what was approved; nothing for who may not, or when it is not approved."""
        permission, link = self.continuations.get(obj.action.split(".")[0], ("", None))
        if link is None or obj.state != ApprovalState.APPROVED or not request.user.has_perm(permission):
            return ""
        return "" if obj.decided_by_id == request.user.pk else link(obj)

    def _asked_by(self, request: HttpRequest, obj: Approval) -> bool:
        return obj.asked_by_id == request.user.pk or obj.asked_name == request.user.get_username()
