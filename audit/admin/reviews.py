"""Reviews in the admin: the acts of every reviewed log, on one, on chosen ones and on all that a filter shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar
from urllib.parse import urlencode

from django import forms
from django.contrib.auth.models import User
from django.db.models import Max
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from audit import reviews
from audit.actors import Actor
from audit.admin.acts import Act, Done, Outcome, Reason
from audit.admin.base import RecordAdmin
from audit.admin.keyset import KeysetMixin
from audit.exceptions import FilterInvalid, TovgovError
from audit.lists import keyset
from audit.models import Incident, Reviewed
from audit.models.incidents import UNRESOLVED
from audit.templatetags.tovgov import state_badge

SHOWN = 5


class ReviewAct(Act):
    """One verb of ``audit.reviews``. Chosen rows are one act, with one entry in the ledger."""

    reason_label = "Note"
    done: ClassVar[str]

    def __init__(self, permission: str) -> None:
        self.permission = permission  # type: ignore[misc]

    def applies(self, obj: Reviewed) -> bool:
        return obj.state in reviews.FROM[self.slug]

    def verb(self, rows: Sequence[Any], *, actor: Actor, data: dict[str, Any]) -> reviews.Moved:
        raise NotImplementedError

    def perform_all(self, objects: Sequence[Any], *, actor: Actor, data: dict[str, Any]) -> list[Outcome]:
        try:
            moved = self.verb(objects, actor=actor, data=data)
        except TovgovError as error:
            return [Outcome(objects[0], None, error)]
        words = f"{self.done}: {objects[0]}." if len(objects) == 1 else f"{self.done}: {moved.changed:,}."
        if moved.left_out:
            words += f" {moved.left_out:,} did not fit any more and were left as they are."
        opts = objects[0]._meta
        many = reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")
        return [Outcome(objects[0], Done(words, many if len(objects) > 1 else None), None)]


class Take(ReviewAct):
    slug = "take"
    label = "Review it"
    done = "In your hands"
    tone = "primary"

    def applies(self, obj: Reviewed) -> bool:
        return obj.state == "unreviewed"

    def consequences(self, obj: Reviewed) -> list[str]:
        return ["It is assigned to you; the others see that you look at it."]

    def verb(self, rows: Sequence[Any], *, actor: Actor, data: dict[str, Any]) -> reviews.Moved:
        return reviews.take(rows, actor=actor)


class Accept(ReviewAct):
    slug = "accept"
    label = "Accept"
    done = "Accepted"
    reason = Reason.WELCOME

    def consequences(self, obj: Reviewed) -> list[str]:
        return ["It is as it should be, says your name. It may be reopened with a reason."]

    def verb(self, rows: Sequence[Any], *, actor: Actor, data: dict[str, Any]) -> reviews.Moved:
        return reviews.accept(rows, actor=actor, note=data["reason"])


class Suspect(ReviewAct):
    slug = "suspect"
    label = "Suspicious"
    done = "Suspicious"
    tone = "danger"
    reason = Reason.NEEDED
    reason_label = "What is wrong with it?"

    def consequences(self, obj: Reviewed) -> list[str]:
        return [
            "It opens an incident, or joins one that is open.",
            "Only somebody other than you can close it.",
            "Nothing is put back by this: that is an act of its own.",
        ]

    def fields(self, objects: Sequence[Any]) -> dict[str, forms.Field]:
        open_ones = Incident.objects.filter(status__in=UNRESOLVED).select_related("target")
        return {
            "incident": forms.ModelChoiceField(open_ones, required=False, empty_label="Open a new one"),
            "title": forms.CharField(
                required=False, max_length=255, label="Title of the new incident", help_text="What happened, in a line."
            ),
        }

    def verb(self, rows: Sequence[Any], *, actor: Actor, data: dict[str, Any]) -> reviews.Moved:
        words = {"note": data["reason"], "incident": data["incident"], "title": data["title"]}
        return reviews.suspect(rows, actor=actor, **words)


class Close(ReviewAct):
    slug = "close"
    label = "Close"
    done = "Closed"
    reason = Reason.WELCOME

    def consequences(self, obj: Reviewed) -> list[str]:
        if obj.state == "suspicious":
            return [f"{obj.decided_by} found it suspicious; you are the second person. Say what came of it."]
        return ["It is done with, and leaves every queue."]

    def verb(self, rows: Sequence[Any], *, actor: Actor, data: dict[str, Any]) -> reviews.Moved:
        return reviews.close(rows, actor=actor, note=data["reason"])


class Assign(ReviewAct):
    slug = "assign"
    label = "Assign"
    done = "Assigned"
    minor = True
    reason = Reason.WELCOME

    def consequences(self, obj: Reviewed) -> list[str]:
        return ["It stands in that person's list."]

    def fields(self, objects: Sequence[Any]) -> dict[str, forms.Field]:
        people = User.objects.with_perm(self.permission, backend="django.contrib.auth.backends.ModelBackend").order_by(
            "username"
        )
        return {"to": forms.ModelChoiceField(people, label="To whom", empty_label=None)}

    def verb(self, rows: Sequence[Any], *, actor: Actor, data: dict[str, Any]) -> reviews.Moved:
        return reviews.assign(rows, data["to"], actor=actor, note=data["reason"])


class Reopen(ReviewAct):
    slug = "reopen"
    label = "Reopen"
    done = "In review again"
    minor = True
    reason = Reason.NEEDED

    def consequences(self, obj: Reviewed) -> list[str]:
        lines = ["It is in review again, in your hands. What was decided stays in its history."]
        return [*lines, "It stays in its incident."] if obj.incident_id else lines

    def verb(self, rows: Sequence[Any], *, actor: Actor, data: dict[str, Any]) -> reviews.Moved:
        return reviews.reopen(rows, actor=actor, note=data["reason"])


class Note(ReviewAct):
    slug = "note"
    label = "Add a note"
    done = "Noted"
    minor = True
    reason = Reason.NEEDED
    reason_label = "Note"

    def consequences(self, obj: Reviewed) -> list[str]:
        return ["It stands in the history, with your name, and cannot be changed or removed."]

    def verb(self, rows: Sequence[Any], *, actor: Actor, data: dict[str, Any]) -> reviews.Moved:
        return reviews.add_note(rows, actor=actor, note=data["reason"])


def review_acts(permission: str) -> list[Act]:
    """The acts of a reviewed log, for who holds ``permission``."""
    return [kind(permission) for kind in (Take, Accept, Suspect, Close, Assign, Reopen, Note)]


class ReviewedAdmin(KeysetMixin, RecordAdmin):
    """A long list whose rows are reviewed: one, some, or all that the filter shows, up to ``reviews.CAP``."""

    change_list_template = "tovgov/reviewed_list.html"

    def buttons(self, request: HttpRequest, obj: Any) -> list[dict[str, Any]]:
        """Without what this person may not do to it: nobody is their own second person."""
        name, user_id = request.user.get_username(), request.user.pk
        blocked = {
            act.label
            for act in self.acts
            if isinstance(act, ReviewAct) and not reviews.may_step(act.slug, obj, name=name, user_id=user_id)
        }
        return [button for button in super().buttons(request, obj) if button["label"] not in blocked]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        acts = [act for act in self.acts if isinstance(act, ReviewAct) and act.in_list and self.may(request, act)]
        links = []
        if acts:
            newest = self.model._default_manager.aggregate(newest=Max("pk"))["newest"] or 0
            asked = urlencode({"where": self.listing.read(request.GET).query, "upto": newest})
            name = f"admin:{self.opts.app_label}_{self.opts.model_name}_act"
            links = [(act.label, f"{reverse(name, args=[act.slug])}?{asked}") for act in acts if act.slug != "note"]
        extra = {"review_links": links, "review_cap": reviews.CAP}
        return super().changelist_view(request, extra | (extra_context or {}))

    def _chosen(self, request: HttpRequest) -> list[Any]:
        """By number, or the newest that a filter shows; what came after the list was shown is not meant."""
        if "where" not in request.GET:
            return super()._chosen(request)
        upto = request.GET.get("upto", "")
        try:
            found = keyset.page(self.listing, self.listing.read(request.GET["where"]), size=reviews.CAP).rows
        except FilterInvalid:
            raise Http404 from None
        rows = [row for row in found if upto.isdecimal() and row.pk <= int(upto)]
        if not rows:
            raise Http404
        return rows

    def _act_context(self, request: HttpRequest, act: Act, objects: Sequence[Any]) -> dict[str, Any]:
        context = super()._act_context(request, act, objects[:SHOWN])
        if len(objects) > SHOWN:
            plural = str(self.opts.verbose_name_plural)
            context |= {
                "heading": f"{act.label}: {len(objects):,} {plural}?",
                "more": f"{len(objects) - SHOWN:,} more",
                "original": None,
                "back": self._page_of(objects),
            }
            if len({obj.target_id for obj in objects}) > 1:
                context["banner"] = None
        if len(objects) >= reviews.CAP:
            context["more"] += f"; one act takes the newest {reviews.CAP:,}, then do it again for the rest"
        return context

    def state_word(self, obj: Any) -> SafeString:
        return state_badge(obj.state, obj.get_state_display())

    state_word.short_description = "review"  # type: ignore[attr-defined]
