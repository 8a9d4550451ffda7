"""Channels and messages: how people are told of alerts. An address goes in and never comes out again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from audit.actors import Actor
from audit.admin.acts import Act, Done
from audit.admin.base import RecordAdmin, TovgovAdmin, actor_of
from audit.exceptions import TovgovError
from audit.models import Delivery, NotificationChannel
from audit.notifications import address, channels
from audit.templatetags.tovgov import age, badge, state_badge

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[Any]
else:
    ModelForm = forms.ModelForm

TIMES = {"quiet_from": "Quiet from", "quiet_until": "Quiet until"}


class ChannelForm(ModelForm):
    """The address is asked for and never shown."""

    address = forms.CharField(
        required=False,
        strip=True,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="An Apprise address, for example mailtos://user:password@example.org or json://hooks.example.org/x."
        " It is stored encrypted and never shown again.",
    )

    class Meta:
        model = NotificationChannel
        fields = (*channels.FIELDS, "targets")
        labels = {"is_active": "In use", "breaks_quiet": "Critical alerts break the quiet", **TIMES}
        help_texts = {
            "quiet_from": "For example 22:00. Both empty: never quiet.",
            "quiet_zone": "Asia/Jerusalem, UTC …",
        }
        widgets = {name: forms.TimeInput(attrs={"type": "time"}) for name in TIMES}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.pk and "address" in self.fields:
            self.fields["address"].widget.attrs["placeholder"] = "Stored; leave empty to keep it"

    def clean_address(self) -> str:
        url: str = self.cleaned_data["address"]
        if not url and not self.instance.pk:
            raise forms.ValidationError("A channel needs an address.")
        try:
            if url:
                address.read(url)
        except TovgovError as error:
            raise forms.ValidationError(f"{error.message} {error.hint}") from None
        return url


class Test(Act):
    slug = "test"
    label = "Test"
    permission = channels.TEST
    tone = "primary"

    def consequences(self, obj: NotificationChannel) -> list[str]:
        return [
            "One message is sent through it now, with your name.",
            f"The answer comes within {address.SECONDS} seconds, in plain words.",
        ]

    def perform(self, obj: NotificationChannel, *, actor: Actor, data: dict[str, Any]) -> Done:
        error = channels.send_test(obj, actor=actor)
        if error is not None:
            raise error
        return Done(f"{obj} took the message. Look whether it arrived.")


class Remove(Act):
    slug = "remove"
    label = "Remove"
    permission = channels.REMOVE
    tone = "danger"

    def consequences(self, obj: NotificationChannel) -> list[str]:
        return ["Its address is forgotten, and nobody is told through it any more.", "What was sent stays in the list."]

    def perform(self, obj: NotificationChannel, *, actor: Actor, data: dict[str, Any]) -> Done:
        name = str(obj)
        channels.remove(obj, actor=actor)
        return Done(f"{name} is removed.", url=reverse("admin:audit_notificationchannel_changelist"))


@admin.register(NotificationChannel)
class NotificationChannelAdmin(TovgovAdmin):
    acts = [Test(), Remove()]
    form = ChannelForm
    change_form_template = "tovgov/channel.html"
    list_display = ("name", "kind", "minimum_severity", "active", "tested")
    list_filter = ("is_active", "minimum_severity")
    search_fields = ("name", "place")
    filter_horizontal = ()
    empty_note = "Nobody is told of alerts. Add a channel: mail, a webhook, Slack, Teams, ntfy and a hundred others."
    fieldsets = (
        (None, {"fields": ("name", "address", "is_active")}),
        ("What is told", {"fields": ("minimum_severity", "targets")}),
        ("Quiet hours", {"fields": ("quiet_from", "quiet_until", "quiet_zone", "breaks_quiet")}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who may only look is not even asked for an address."""
        if obj is None or self.has_change_permission(request, obj):
            return self.fieldsets
        return ((None, {"fields": ("name", "kind", "is_active", "minimum_severity", "targets")}),)

    @admin.display(description="kind", ordering="schema")
    def kind(self, obj: NotificationChannel) -> str:
        return obj.place or obj.schema

    @admin.display(description="state", ordering="is_active")
    def active(self, obj: NotificationChannel) -> SafeString:
        return badge("good", "In use") if obj.is_active else badge("quiet", "Not in use")

    @admin.display(description="last test", ordering="tested_at")
    def tested(self, obj: NotificationChannel) -> SafeString | str:
        if obj.tested_at is None:
            return badge("warn", "Never tested")
        return badge("bad", "Failed") if obj.test_error else age(obj.tested_at)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        data = form.cleaned_data
        facts = {name: data[name] for name in channels.FIELDS} | {"url": data["address"]}
        if change:
            channels.change(obj, actor=actor_of(request), **facts)
        else:
            made = channels.add(facts.pop("name"), facts.pop("url"), actor=actor_of(request), **facts)
            obj.pk, obj._state = made.pk, made._state
            obj.refresh_from_db()

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The targets, through the verb as well."""
        channels.change(form.instance, actor=actor_of(request), targets=form.cleaned_data["targets"])


@admin.register(Delivery)
class DeliveryAdmin(RecordAdmin):
    record_template = "tovgov/delivery.html"
    list_display = ("title", "channel_name", "state_word", "attempts", "created", "error")
    list_filter = ("state", "channel", ("created_at", admin.DateFieldListFilter))
    search_fields = ("title", "channel_name")
    empty_note = "Nothing was sent yet. Each change of an alert makes one message a channel."

    @admin.display(description="state", ordering="state")
    def state_word(self, obj: Delivery) -> SafeString:
        return state_badge(obj.state, obj.get_state_display())

    @admin.display(description="made", ordering="created_at")
    def created(self, obj: Delivery) -> SafeString | str:
        return age(obj.created_at)

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {"delivery": obj}
