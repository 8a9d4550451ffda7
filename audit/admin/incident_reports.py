"""Imported incident reports in the admin: uploaded, looked at beside their source, confirmed or thrown away."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit import documents, incident_reports
from audit.actors import Actor
from audit.admin.acts import Act, Done, Reason
from audit.admin.base import RecordAdmin, actor_of, explain
from audit.admin.incidents import IncidentAdmin
from audit.admin.log_source_forms import FilesField
from audit.exceptions import IncidentReportTooLarge, NotPermitted, TovgovError
from audit.incident_reports.decode import LARGEST
from audit.incident_reports.draft import STORY, UNPLACED, Draft
from audit.incidents import STORY as STORY_FIELDS
from audit.models import Incident, IncidentKind, IncidentReport, IncidentReportState, Severity, Target
from audit.models.incidents import STAMPS
from audit.templatetags.tovgov import age, badge, page_of

TONES = {"draft": "warn", "confirmed": "good", "thrown away": "quiet"}
SHOWN_LINES = 3_000
SHOWN_EVENTS = 500
PLACES = {
    UNPLACED: "not placed", "heading": "heading", "title": "title", "timeline": "timeline", "action": "action item",
    "lesson": "lesson", "table head": "", "blank": "", "rule": "",
}  # fmt: skip


class UploadReports(forms.Form):
    reports = FilesField(label="Files", help_text="Markdown or plain text, at most 2 MB each; several at once.")
    zone = forms.CharField(
        label="Time zone", required=False, help_text="Of times that name none, for example Europe/Berlin."
    )
    day = forms.DateField(
        label="Day",
        required=False,
        widget=forms.DateInput(attrs={"placeholder": "2026-03-01"}),
        help_text="Of clock times without a date, if the report names none.",
    )
    anyway = forms.BooleanField(label="Take what looks like no incident too", required=False)


class Confirm(Act):
    slug = "confirm"
    label = "Confirm"
    permission = incident_reports.IMPORT
    tone = "primary"
    in_list = False

    def applies(self, obj: IncidentReport) -> bool:
        return obj.state == IncidentReportState.DRAFT

    def title(self, objects: Any) -> str:
        return f"Make {objects[0]} an incident?"

    def consequences(self, obj: IncidentReport) -> list[str]:
        draft = Draft.from_json(obj.draft)
        return [
            f"An incident is opened with {len(draft.events)} lines of a timeline and the story of the report.",
            "What could not be placed stays on the report's page, word for word.",
            "A loss is not resolved by a report: that needs a restore that proves it, or an acceptance.",
        ]

    def fields(self, objects: Any) -> dict[str, forms.Field]:
        row = objects[0]
        draft = Draft.from_json(row.draft)
        fields: dict[str, forms.Field] = {
            "title": forms.CharField(max_length=255, initial=draft.title[:255]),
            "kind": forms.ChoiceField(choices=IncidentKind.choices, initial=draft.kind),
            "severity": forms.ChoiceField(choices=Severity.choices, initial=draft.severity),
            "target": forms.ModelChoiceField(
                Target.objects.order_by("name"), required=False, initial=row.target_id, empty_label="No target of ours"
            ),
        }
        for name, label in STAMP_LABELS.items():
            told = draft.stamps.get(name)
            how = (
                "Guessed from the timeline." if name in draft.guessed else "As the report says." if told else "Unknown."
            )
            fields[name] = forms.DateTimeField(
                label=label, required=False, help_text=f"{how} In {timezone.get_current_timezone_name()}.",
                initial=_here(told) if told else None,
            )  # fmt: skip
        return fields

    def perform(self, obj: IncidentReport, *, actor: Actor, data: dict[str, Any]) -> Done:
        incident = incident_reports.confirm(
            obj, actor=actor, title=data["title"], kind=IncidentKind(data["kind"]), severity=Severity(data["severity"]),
            target=data["target"], stamps={name: data[name] for name in STAMPS},
        )  # fmt: skip
        return Done(f"{incident} is there now.", page_of(incident))


class ReadAgain(Act):
    slug = "read-again"
    label = "Read again"
    permission = incident_reports.IMPORT
    in_list = False

    def applies(self, obj: IncidentReport) -> bool:
        return obj.state == IncidentReportState.DRAFT

    def consequences(self, obj: IncidentReport) -> list[str]:
        return ["The same file is read again with another time zone or day; the former draft is replaced."]

    def fields(self, objects: Any) -> dict[str, forms.Field]:
        row = objects[0]
        return {
            "zone": forms.CharField(label="Time zone", initial=row.zone, help_text="Of times that name none."),
            "day": forms.DateField(
                label="Day", required=False, initial=row.day, help_text="Of clock times without a date: 2026-03-01."
            ),
        }

    def perform(self, obj: IncidentReport, *, actor: Actor, data: dict[str, Any]) -> Done:
        incident_reports.read_again(obj, zone=data["zone"], day=data["day"], actor=actor)
        return Done("It was read again.")


class ThrowAway(Act):
    slug = "throw-away"
    label = "Throw away"
    permission = incident_reports.IMPORT
    in_list = False
    reason = Reason.NEEDED
    reason_label = "Why is it no incident of ours?"

    def applies(self, obj: IncidentReport) -> bool:
        return obj.state == IncidentReportState.DRAFT

    def consequences(self, obj: IncidentReport) -> list[str]:
        return ["No incident is opened. The file and the reason stay on record.", "It can be imported again."]

    def perform(self, obj: IncidentReport, *, actor: Actor, data: dict[str, Any]) -> Done:
        incident_reports.throw_away(obj, actor=actor, reason=data["reason"])
        return Done(f"Thrown away: {obj}")


STAMP_LABELS = dict(zip(STAMPS, ("Impact began", "Detected", "Acknowledged", "Mitigated", "Resolved"), strict=True))


@admin.register(IncidentReport)
class IncidentReportAdmin(RecordAdmin):
    acts = [Confirm(), ReadAgain(), ThrowAway()]
    record_template = "tovgov/incident_report.html"
    list_display = ("name", "state_word", "target", "incident", "imported", "imported_by")
    list_filter = ("state",)
    search_fields = ("name", "text", "imported_by")
    list_select_related = ("target", "incident")
    empty_note = "Incident reports that were written elsewhere (Markdown) can be imported: choose Add."

    def get_urls(self) -> list[URLPattern]:
        source = self.admin_site.admin_view(self.source_view)
        return [path("<int:pk>/source/", source, name="audit_incidentreport_source"), *super().get_urls()]

    @admin.display(description="state", ordering="state")
    def state_word(self, obj: IncidentReport) -> SafeString:
        return badge(TONES[obj.state], obj.get_state_display())

    @admin.display(description="imported", ordering="imported_at")
    def imported(self, obj: IncidentReport) -> SafeString | str:
        return age(obj.imported_at)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(incident_reports.IMPORT))

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        draft = Draft.from_json(obj.draft)
        lines = list(marked(obj, draft))
        stamps = [
            (STAMP_LABELS[name], datetime.fromisoformat(draft.stamps[name]), name in draft.guessed)
            for name in STAMPS
            if name in draft.stamps
        ]
        story = [
            (name, documents.safe_html(draft.story[name], shift=2)) for name in STORY_FIELDS if name in draft.story
        ]
        return {
            "report": obj,
            "draft": draft,
            "state": self.state_word(obj),
            "kind": dict(IncidentKind.choices).get(draft.kind, draft.kind),
            "stamps": stamps,
            "events": [(datetime.fromisoformat(event.at), event.text) for event in draft.events[:SHOWN_EVENTS]],
            "story": [(name.replace("_", " ").capitalize(), html) for name, html in story],
            "unplaced": list(draft.unplaced(obj.text)),
            "lines": lines[:SHOWN_LINES],
            "more_lines": max(len(lines) - SHOWN_LINES, 0),
            "repairs": obj.repairs[:50],
            "source_url": reverse("admin:audit_incidentreport_source", args=[obj.pk]),
        }

    def source_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The file's words as they were, as a download."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = IncidentReport.objects.filter(pk=pk).first()
        if row is None:
            raise Http404
        answer = HttpResponse(row.source.encode(), content_type="text/plain; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="report-{row.pk}.md"'
        answer["X-Content-Type-Options"] = "nosniff"
        answer["Cache-Control"] = "no-store"
        return answer

    # --- uploads -----------------------------------------------------------------------------------------------------

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        is_sent = request.method == "POST"
        form = UploadReports(request.POST if is_sent else None, request.FILES if is_sent else None, auto_id="report_%s")
        errors: list[TovgovError] = []
        if is_sent and form.is_valid():
            taken, errors = self._take(request, form)
            if taken:
                for error in errors:
                    self.message_user(request, explain(error), messages.ERROR)
                done = page_of(taken[0]) if len(taken) == 1 else reverse("admin:audit_incidentreport_changelist")
                self.message_user(request, f"{len(taken)} read. Look at each draft, then confirm it.")
                return HttpResponseRedirect(done)
        context = {
            **self.admin_site.each_context(request),
            "title": "Import incident reports",
            "opts": self.opts,
            "form": form,
            "errors": errors,
            "back": reverse("admin:audit_incidentreport_changelist"),
        }
        return TemplateResponse(request, "tovgov/incident_report_add.html", context, status=409 if errors else 200)

    def _take(self, request: HttpRequest, form: UploadReports) -> tuple[list[IncidentReport], list[TovgovError]]:
        """Every file by itself: one that is refused does not keep the next from being read."""
        data = form.cleaned_data
        how = {"zone": data["zone"], "day": data["day"], "anyway": data["anyway"], "actor": actor_of(request)}
        taken, errors = [], []
        for file in data["reports"]:
            try:
                taken.append(incident_reports.take(_bytes(file), file.name or "", **how))
            except NotPermitted as refused:
                raise PermissionDenied(refused.message) from None
            except TovgovError as error:
                error.message = f"{file.name}: {error.message}"
                errors.append(error)
        return taken, errors


def marked(row: IncidentReport, draft: Draft) -> Iterator[tuple[int, str, str, str]]:
    """Each line of the file: its number, where it went, a word for that, and itself."""
    lines = row.text.split("\n")
    for piece in draft.pieces:
        place = piece.place
        word = PLACES.get(place) if place in PLACES else place.removeprefix(STORY).replace("_", " ").replace(".", ": ")
        tone = UNPLACED if place == UNPLACED else "placed" if word else "none"
        for number in range(piece.start, piece.end):
            yield number + 1, tone, (word or "") if number == piece.start else "", lines[number]


def section(incident: Incident, user: Any) -> dict[str, Any]:
    """The report that an incident was imported from, with what could not be placed."""
    found = []
    for row in incident.imported_reports.all():
        unplaced = sum(1 for _ in Draft.from_json(row.draft).unplaced(row.text))
        found.append(format_html('<a href="{}">{}</a>: {} passages not placed', page_of(row), row.name, unplaced))
    return {"reports": found} if found else {}


IncidentAdmin.sections.append(("tovgov/incident_reports.html", section))


def _bytes(file: UploadedFile[bytes]) -> bytes:
    if (file.size or 0) > LARGEST:
        raise IncidentReportTooLarge(f"It has {(file.size or 0) / 1_048_576:.1f} MB.")
    data: bytes = file.read()
    return data


def _here(told: str) -> datetime:
    return timezone.localtime(datetime.fromisoformat(told)).replace(microsecond=0)
