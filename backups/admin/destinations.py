"""Destinations: where copies go. Secrets go in and never come out again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from audit import ledger
from audit.actors import Actor
from audit.admin.acts import Act, Done
from audit.admin.base import TovgovAdmin, actor_of
from audit.exceptions import TovgovError
from audit.templatetags.tovgov import age, badge
from backups import copies
from backups.destinations import check_settings
from backups.models import Destination, DestinationKind

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[Any]
else:
    ModelForm = forms.ModelForm

PLAIN: dict[str, tuple[str, ...]] = {
    DestinationKind.FOLDER: ("folder",),
    DestinationKind.S3: ("bucket", "key_prefix", "endpoint_url", "region", "addressing_style"),
    DestinationKind.SFTP: ("host", "port", "user", "sftp_folder", "host_key"),
}
SECRET: dict[str, tuple[str, ...]] = {
    DestinationKind.FOLDER: (),
    DestinationKind.S3: ("access_key", "secret_key"),
    DestinationKind.SFTP: ("password", "private_key", "passphrase"),
}
RENAMED = {"sftp_folder": "folder", "key_prefix": "prefix"}
"""A form has one field of a name, and a prefix of its own; two kinds have a folder."""


def _secret(**options: Any) -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
    return forms.CharField(required=False, strip=False, **({"widget": widget} | options))


class DestinationForm(ModelForm):
    """One field a setting; only those of the chosen kind are read."""

    folder = forms.CharField(required=False, help_text="An absolute path on the machine where the worker runs.")
    bucket = forms.CharField(required=False)
    key_prefix = forms.CharField(required=False, label="Prefix", help_text="Put before every name in the bucket.")
    endpoint_url = forms.CharField(required=False, label="Endpoint", help_text="Empty for AWS; https://… for others.")
    region = forms.CharField(required=False)
    addressing_style = forms.ChoiceField(
        required=False, choices=[("", "As the endpoint likes"), ("path", "Path"), ("virtual", "Virtual host")]
    )
    access_key = _secret()
    secret_key = _secret()
    host = forms.CharField(required=False)
    port = forms.IntegerField(required=False, min_value=1, max_value=65_535, help_text="22 when empty.")
    user = forms.CharField(required=False)
    sftp_folder = forms.CharField(required=False, label="Folder")
    host_key = forms.CharField(
        required=False, help_text="A line of known_hosts, or just ssh-ed25519 AAAA…; another key is refused."
    )
    password = _secret()
    private_key = _secret(widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "off"}), help_text="OpenSSH or PEM.")
    passphrase = _secret()

    class Meta:
        model = Destination
        fields = ("name", "kind", "is_active")
        labels = {"is_active": "In use"}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        kind = self.instance.kind
        for name in PLAIN.get(kind, ()):
            self.initial.setdefault(name, self.instance.settings.get(RENAMED.get(name, name), ""))
        known = self.known_secrets()
        for name in SECRET.get(kind, ()):
            if name in self.fields and known.get(name):
                self.fields[name].widget.attrs["placeholder"] = "Stored; leave empty to keep it"

    def known_secrets(self) -> dict[str, Any]:
        """What is stored; nothing when no key opens it any more: then it must be entered again."""
        try:
            return dict(self.instance.secrets or {})
        except TovgovError:
            return {}

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        kind = data.get("kind")
        if kind not in PLAIN:
            return data
        data["settings"] = {RENAMED.get(n, n): data[n] for n in PLAIN[kind] if data.get(n) not in (None, "")}
        kept = self.known_secrets() if self.instance.pk and self.initial.get("kind") == kind else {}
        data["secrets"] = {n: data.get(n) or kept.get(n) for n in SECRET[kind] if data.get(n) or kept.get(n)}
        try:
            check_settings(kind, data["settings"], data["secrets"])
        except TovgovError as error:
            raise forms.ValidationError(f"{error.message} {error.hint}") from None
        return data

    def save(self, commit: bool = True) -> Any:
        self.instance.settings, self.instance.secrets = self.cleaned_data["settings"], self.cleaned_data["secrets"]
        return super().save(commit)


class Test(Act):
    """Write, read back and remove a probe."""

    slug = "test"
    label = "Test"
    permission = "backups.change_destination"
    tone = "primary"

    def consequences(self, obj: Destination) -> list[str]:
        return ["A small probe is written, read back, compared and removed.", "No backup is touched."]

    def perform(self, obj: Destination, *, actor: Actor, data: dict[str, Any]) -> Done:
        error = copies.test_destination(obj, actor=actor)
        if error is not None:
            raise error
        return Done(f"{obj} works: a probe was written, read back and removed.")


@admin.register(Destination)
class DestinationAdmin(TovgovAdmin):
    acts = [Test()]
    form = DestinationForm
    change_form_template = "tovgov/destination.html"
    list_display = ("name", "kind", "place", "active", "tested")
    list_filter = ("kind", "is_active")
    search_fields = ("name",)
    empty_note = "Backups need a place: a folder, an S3 bucket or an SFTP server. Two buildings are better than one."
    fieldsets = (
        (None, {"fields": ("name", "kind", "is_active")}),
        ("Folder", {"classes": ("kind-folder",), "fields": PLAIN[DestinationKind.FOLDER]}),
        ("S3-compatible", {"classes": ("kind-s3",), "fields": PLAIN["s3"] + SECRET["s3"]}),
        ("SFTP", {"classes": ("kind-sftp",), "fields": PLAIN["sftp"] + SECRET["sftp"]}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who may only look sees what is plain; secrets are not even named."""
        if obj is None or self.has_change_permission(request, obj):
            return self.fieldsets
        return ((None, {"fields": ("name", "kind", "is_active", "place")}),)

    @admin.display(description="place")
    def place(self, obj: Destination) -> str:
        known: dict[str, Any] = obj.settings
        return {
            "folder": f"{known.get('folder', '')}",
            "s3": f"{known.get('bucket', '')}/{known.get('prefix', '')} {known.get('endpoint_url', '')}".strip(),
            "sftp": f"{known.get('user', '')}@{known.get('host', '')}:{known.get('folder', '')}",
        }.get(obj.kind, "")

    @admin.display(description="state", ordering="is_active")
    def active(self, obj: Destination) -> SafeString:
        return badge("good", "In use") if obj.is_active else badge("quiet", "Not in use")

    @admin.display(description="last test", ordering="tested_at")
    def tested(self, obj: Destination) -> SafeString | str:
        if obj.tested_at is None:
            return badge("warn", "Never tested")
        return badge("bad", "Failed") if obj.test_error else age(obj.tested_at)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The ledger says which settings were changed, never what a secret was or is."""
        super().save_model(request, obj, form, change)
        action = "destination.change" if change else "destination.add"
        ledger.append(action, actor=actor_of(request), obj=obj, changed=list(form.changed_data))
