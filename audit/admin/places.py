"""Publication places: where checkpoints go, and what arrived there. A secret goes in and never comes out again."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Max, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from audit.actors import Actor
from audit.admin.acts import Act, Done, Reason
from audit.admin.base import RecordAdmin, actor_of
from audit.exceptions import NotPermitted, TovgovError
from audit.models import PlaceKind, PublicationPlace
from audit.seals import places, publication
from audit.templatetags import format as words
from audit.templatetags.tovgov import age, badge, page_of

SHOWN = 50
"""So many publications are shown on a place's page."""


class PublishNow(Act):
    slug = "publish-now"
    label = "Publish now"
    permission = publication.CHANGE
    tone = "primary"

    def consequences(self, obj: PublicationPlace) -> list[str]:
        return [
            "A worker brings what waits there now; when nothing waits, the newest checkpoint once more.",
            "What came of it stands on the place's page, in plain words, some seconds later.",
        ]

    def perform(self, obj: PublicationPlace, *, actor: Actor, data: dict[str, Any]) -> Done:
        publication.ask(obj, actor=actor)
        return Done(f"A worker publishes at {obj} now. Load this page again to see what came of it.")


class Pause(Act):
    slug = "pause"
    label = "Pause"
    permission = publication.CHANGE
    reason = Reason.WELCOME

    def applies(self, obj: PublicationPlace) -> bool:
        return obj.is_active

    def consequences(self, obj: PublicationPlace) -> list[str]:
        return [
            "Nothing is published there until you resume it. What arrived stays there.",
            "Whoever sets tovgov's whole database back meanwhile is not found by this place.",
        ]

    def perform(self, obj: PublicationPlace, *, actor: Actor, data: dict[str, Any]) -> Done:
        publication.pause(obj.name, actor=actor, reason=data["reason"])
        return Done(f"{obj} is paused.")


class Resume(Act):
    slug = "resume"
    label = "Resume"
    permission = publication.CHANGE
    tone = "primary"
    reason = Reason.WELCOME

    def applies(self, obj: PublicationPlace) -> bool:
        return not obj.is_active

    def consequences(self, obj: PublicationPlace) -> list[str]:
        return ["The newest checkpoints are published there again, within a minute."]

    def perform(self, obj: PublicationPlace, *, actor: Actor, data: dict[str, Any]) -> Done:
        publication.resume(obj.name, actor=actor, reason=data["reason"])
        return Done(f"{obj} is used again.")


class Remove(Act):
    slug = "remove"
    label = "Remove"
    permission = publication.CHANGE
    tone = "danger"
    in_list = False

    def consequences(self, obj: PublicationPlace) -> list[str]:
        return [
            "Its address and its secret are forgotten, and the list of what was published there.",
            "What arrived stays there. The ledger keeps that the place was removed, and by whom.",
        ]

    def perform(self, obj: PublicationPlace, *, actor: Actor, data: dict[str, Any]) -> Done:
        publication.remove(obj.name, actor=actor)
        return Done(f"{obj} is removed.", url=reverse("admin:audit_publicationplace_changelist"))


class AddForm(forms.Form):
    name = forms.CharField(max_length=80, help_text="What people call it, for example “Bob's safe”.")
    kind = forms.ChoiceField(choices=PlaceKind.choices)
    address = forms.CharField(
        max_length=500,
        help_text="A folder: /mnt/outside/checkpoints. Mail: addresses, with commas between them. A web address:"
        " https://audit.example.org/checkpoints. A database: host=db.example.org dbname=safe user=keeper",
    )
    secret = forms.CharField(
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "spellcheck": "false"}),
        help_text="A web address's key for signatures (16 characters or more), or the database's password. It is stored"
        " encrypted and never shown again.",
    )
    every_minutes = forms.IntegerField(
        label="At most every … minutes", min_value=0, max_value=525_600, initial=0, help_text="0: each checkpoint."
    )
    insecure = forms.BooleanField(
        required=False, label="Allow http:// and addresses of this machine: others can read or forge what is sent then"
    )


@admin.register(PublicationPlace)
class PublicationPlaceAdmin(RecordAdmin):
    acts = [PublishNow(), Pause(), Resume(), Remove()]
    record_template = "tovgov/publication_place.html"
    list_display = ("name", "kind_word", "state_word", "arrived", "waiting_word")
    list_filter = ("kind", "is_active")
    search_fields = ("name",)
    empty_note = (
        "Checkpoints are published nowhere: who rules over tovgov's own database could set all of it back unseen. Add "
        "a place that another person owns."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        failed = Count("publications", filter=~Q(publications__error_code=""))
        waiting = Count("publications", filter=Q(publications__at=None))
        counted: QuerySet[Any] = (
            super().get_queryset(request).annotate(last=Max("publications__at"), failed=failed, waiting=waiting)
        )
        return counted

    @admin.display(description="kind", ordering="kind")
    def kind_word(self, obj: PublicationPlace) -> str:
        return obj.get_kind_display()

    @admin.display(description="state")
    def state_word(self, obj: Any) -> SafeString:
        if not obj.is_active:
            return badge("quiet", "Paused")
        if obj.failed:
            return badge("bad", "Failing")
        return badge("good", "In use") if obj.last else badge("warn", "Nothing arrived yet")

    @admin.display(description="last arrived", ordering="last")
    def arrived(self, obj: Any) -> SafeString | str:
        return age(obj.last)

    @admin.display(description="waiting")
    def waiting_word(self, obj: Any) -> str:
        return words.count(obj.waiting)

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        may_change = request.user.has_perm(publication.CHANGE)
        newest = obj.publications.select_related("checkpoint__tree__source__target")
        return {
            "place": obj,
            "state_word": self.state_word(obj),
            "address": places.shown(obj),
            "publications": newest[:SHOWN],
            "statement": places.create_statement(obj) if may_change and obj.kind == PlaceKind.DATABASE else "",
        }

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(publication.CHANGE))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One more place; what its kind does not take is said beside the form."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = AddForm(request.POST if request.method == "POST" else None, auto_id="place_%s")
        error = None
        if request.method == "POST" and form.is_valid():
            data = form.cleaned_data
            try:
                row = publication.add(data.pop("name"), data.pop("kind"), data.pop("address"), actor=actor_of(request),
                                      **data)  # fmt: skip
                return HttpResponseRedirect(page_of(row))
            except NotPermitted as refused:
                raise PermissionDenied(refused.message) from None
            except TovgovError as refused:
                error = refused
        page = self.admin_site.each_context(request) | {"title": "Add a publication place", "opts": self.opts}
        page |= {"form": form, "error": error}
        return TemplateResponse(request, "tovgov/publication_place_add.html", page, status=409 if error else 200)
