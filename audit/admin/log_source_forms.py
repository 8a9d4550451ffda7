"""What is asked about a source of server logs, and what is uploaded to one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopUpload

from audit import conf
from audit.models import ImportKind, ImportSource, Target
from audit.postgres.logs.opening import FORMATS

MEGABYTE = 1024 * 1024
PLAIN = ("folder", "format", "encoding", "timezone")
KINDS = [(kind.value, kind.label) for kind in (ImportKind.FOLDER, ImportKind.SQL)]


class SourceForm(forms.Form):
    """A source that is new, or how one is read that is there."""

    target = forms.ModelChoiceField(Target.objects.order_by("name"))
    kind = forms.ChoiceField(
        choices=KINDS,
        help_text="A folder that tovgov's workers can read, or the server's own log folder through a role with the "
        "grants. What nobody can reach is uploaded instead.",
    )
    name = forms.CharField(max_length=80, required=False, help_text="Tells two sources of one target and kind apart.")
    folder = forms.CharField(
        max_length=1000, required=False, help_text="Its whole path, such as /var/log/postgresql. Not needed for SQL."
    )
    patterns = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "*.csv"}),
        help_text="Names of the files that are read, one a line. Empty: what logs are usually called.",
    )
    format = forms.ChoiceField(
        choices=[("", "Found by the text itself"), *((one, one) for one in FORMATS)], required=False
    )
    line_prefix = forms.CharField(
        max_length=200,
        required=False,
        strip=False,
        label="log_line_prefix",
        help_text="For stderr and syslog: what SHOW log_line_prefix says, with its blank at the end.",
    )
    encoding = forms.CharField(max_length=40, required=False, help_text="Such as latin-1. Empty: UTF-8.")
    timezone = forms.CharField(
        max_length=60, required=False, label="Time zone", help_text="What SHOW log_timezone says, if it is not UTC."
    )
    keep_days = forms.IntegerField(
        min_value=1, required=False, help_text="Entries that are older are retired. Empty: they stay."
    )
    reason = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 2}), help_text="Kept in the ledger with your name."
    )

    def __init__(self, data: Any = None, *, source: ImportSource | None, target: str = "") -> None:
        now = facts_of(source) if source else {"target": target or None, "keep_days": conf.log_keep_days()}
        super().__init__(data, initial=now, auto_id="source_%s")
        if source is not None:  # what it is stays; how it is read may change
            for name in ("target", "kind", "name"):
                del self.fields[name]
            if source.kind != ImportKind.FOLDER:
                del self.fields["folder"]

    @property
    def settings(self) -> dict[str, Any]:
        """As the verbs take them."""
        data = self.cleaned_data
        patterns = [line.strip() for line in data["patterns"].splitlines() if line.strip()]
        return {name: data.get(name) for name in PLAIN} | {"patterns": patterns, "prefix": data["line_prefix"]}


def facts_of(source: ImportSource) -> dict[str, Any]:
    """What the form of a source shows at first."""
    settings: dict[str, Any] = source.settings
    shown = {"patterns": "\n".join(settings.get("patterns") or []), "line_prefix": settings.get("prefix", "")}
    return settings | shown | {"keep_days": source.keep_days}


# --- uploading ------------------------------------------------------------------------------------------------------


class ManyFiles(forms.FileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """One file or several; each has a name, and none is empty."""

    widget = ManyFiles

    def clean(self, data: Any, initial: Any = None) -> Any:
        return [super(FilesField, self).clean(one, initial) for one in data or [None]]


class UploadForm(forms.Form):
    """The files stand last: what comes before them is known when they are too large."""

    target = forms.ModelChoiceField(Target.objects.order_by("name"))
    reason = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 2}), help_text="Kept in the ledger with your name."
    )
    logs = FilesField(
        label="Files", help_text="csvlog, jsonlog, stderr or syslog; packed with gzip or zstd too. Several at once."
    )

    def __init__(self, data: Any = None, files: Any = None, *, target: str = "") -> None:
        super().__init__(
            data, files, initial={"target": target or None, "keep_days": conf.log_keep_days()}, auto_id="upload_%s"
        )

    @property
    def sent(self) -> list[UploadedFile[bytes]]:
        found: list[UploadedFile[bytes]] = self.cleaned_data["logs"]
        return found


class Limit(FileUploadHandler):
    """Keeps nothing of an upload that is larger than ``TOVGOV_LOG_UPLOAD_MB``. It is read and thrown away, so that the
    browser hears why."""

    is_over = False

    def handle_raw_input(self, input_data: Any, meta: Any, content_length: int, *others: Any) -> None:
        self.is_over = content_length > conf.log_upload_mb() * MEGABYTE

    def new_file(self, *args: Any, **options: Any) -> None:
        super().new_file(*args, **options)
        if self.is_over:
            raise StopUpload(connection_reset=False)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data  # for the handlers that keep it

    def file_complete(self, file_size: int) -> None:
        return None
