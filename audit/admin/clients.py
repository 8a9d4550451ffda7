"""Known clients: what a target learned of who uses it, decided by a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString

from audit import clients
from audit.actors import Actor
from audit.admin.acts import Act, Done, Outcome, Reason
from audit.admin.base import RecordAdmin, act_url, actor_of
from audit.exceptions import NotPermitted, TovgovError
from audit.models import ClientPart, ClientState, KnownClient, Target
from audit.templatetags import format as words
from audit.templatetags.tovgov import age, page_of, state_badge

AT_ONCE = 200
"""A page of an act takes so many; what is left is offered again."""


class Decide(Act):
    """One verb of ``audit.clients`` for all chosen: each target's groups are judged anew once."""

    permission = clients.CONFIRM
    reason = Reason.WELCOME
    state: ClassVar[str]
    done: ClassVar[str]

    def applies(self, obj: KnownClient) -> bool:
        return obj.state != self.state

    def verb(self, rows: Sequence[KnownClient], *, actor: Actor, reason: str) -> int:
        raise NotImplementedError

    def perform_all(self, objects: Sequence[Any], *, actor: Actor, data: dict[str, Any]) -> list[Outcome]:
        try:
            changed = self.verb(objects, actor=actor, reason=data["reason"])
        except TovgovError as error:
            return [Outcome(objects[0], None, error)]
        what = str(objects[0]) if len(objects) == 1 else f"{changed:,}"
        url = None if len(objects) == 1 else "../../"
        return [Outcome(objects[0], Done(f"{self.done}: {what}.", url), None)]


class Confirm(Decide):
    slug = "confirm"
    label = "Confirm"
    tone = "primary"
    state = ClientState.CONFIRMED
    done = "Confirmed"

    def consequences(self, obj: KnownClient) -> list[str]:
        if obj.part == ClientPart.HOURS:
            return [
                "Sessions that begin in these hours are as they should be.",
                "Hours that nobody confirmed stand out from now on.",
            ]
        return [
            "Nobody has to look at a session whose address, role and application are all confirmed.",
            "Logins that are refused are never hidden.",
        ]

    def verb(self, rows: Sequence[KnownClient], *, actor: Actor, reason: str) -> int:
        return clients.confirm(rows, actor=actor, reason=reason)


class Refuse(Decide):
    slug = "refuse"
    label = "Refuse"
    tone = "danger"
    state = ClientState.REFUSED
    done = "Refused"

    def consequences(self, obj: KnownClient) -> list[str]:
        return ["Sessions with it stand out, however often they come.", "Nobody is kept out by this."]

    def verb(self, rows: Sequence[KnownClient], *, actor: Actor, reason: str) -> int:
        return clients.refuse(rows, actor=actor, reason=reason)


class GiveForm(forms.Form):
    target = forms.ModelChoiceField(Target.objects.order_by("name"))
    part = forms.ChoiceField(choices=ClientPart.choices)
    value = forms.CharField(
        max_length=63, required=False, help_text="10.0.0.0/8 or 10.0.0.7, a name, or hours such as 06-22 (UTC)."
    )


@admin.register(KnownClient)
class KnownClientAdmin(RecordAdmin):
    acts = [Confirm(), Refuse()]
    record_template = "tovgov/known_client.html"
    change_list_template = "tovgov/known_clients.html"
    list_display = ("what", "target", "part", "state_word", "times_word", "days", "last")
    list_display_links = ("what",)
    list_filter = ("target", "part", "state")
    search_fields = ("value",)
    list_select_related = ("target",)
    empty_note = (
        "What a target's sessions have in common is learned here: addresses, roles, applications, hours. A range of "
        "addresses can be added by hand."
    )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        shown = {"all_known": self._all_known(request)} if self.has_add_permission(request) else {}
        return super().changelist_view(request, shown | (extra_context or {}))

    def _all_known(self, request: HttpRequest) -> list[tuple[str, int, str]]:
        """For each target (or the one that is filtered for) with clients that nobody decided on: its name, their
        number, and the page that confirms them all."""
        asked = request.GET.get("target__id__exact", "")
        targets = Target.objects.filter(known_clients__state__in=("seen", "learned"), is_active=True).distinct()
        targets = targets.filter(pk=int(asked)) if asked.isdecimal() and len(asked) < 10 else targets
        found = []
        for target in targets.order_by("name")[:5]:
            pks = list(clients.undecided(target).values_list("pk", flat=True)[:AT_ONCE])
            if pks:
                found.append((target.name, len(pks), act_url(KnownClient, Confirm.slug, *pks)))
        return found

    @admin.display(description="value", ordering="value")
    def what(self, obj: KnownClient) -> str:
        return obj.value or "(none said)"

    @admin.display(description="state", ordering="state")
    def state_word(self, obj: KnownClient) -> SafeString:
        return state_badge(obj.state, obj.get_state_display())

    @admin.display(description="sessions", ordering="times")
    def times_word(self, obj: KnownClient) -> str:
        return words.count(obj.times or None)

    @admin.display(description="last seen", ordering="last_at")
    def last(self, obj: KnownClient) -> SafeString | str:
        return age(obj.last_at)

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {"client": obj, "state_word": self.state_word(obj), "learn": clients}

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(clients.CONFIRM))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A value that was never seen, or a range: made here, decided on its own page."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = GiveForm(request.POST if request.method == "POST" else None, auto_id="client_%s")
        error = None
        if request.method == "POST" and form.is_valid():
            data = form.cleaned_data
            try:
                row = clients.give(data["target"], data["part"], data["value"], actor=actor_of(request))
                return HttpResponseRedirect(page_of(row))
            except NotPermitted as refused:
                raise PermissionDenied(refused.message) from None
            except TovgovError as refused:
                error = refused
        page = self.admin_site.each_context(request) | {"title": "Add a known client", "opts": self.opts}
        page |= {"form": form, "error": error}
        return TemplateResponse(request, "tovgov/known_client_add.html", page, status=409 if error else 200)
