"""Post-mortems in the admin: started on the incident's page, written with a preview, compared, reviewed, exported."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from audit import documents, postmortems
from audit.actors import Actor
from audit.admin.acts import Act, Done, Reason
from audit.admin.base import RecordAdmin, actor_of, explain
from audit.admin.incidents import IncidentAdmin
from audit.exceptions import NotPermitted, TovgovError
from audit.models import Incident, PostMortem, PostMortemState
from audit.postmortems.write import LONGEST
from audit.templatetags.tovgov import age, badge, page_of

TONES = {PostMortemState.DRAFT: "quiet", PostMortemState.IN_REVIEW: "warn", PostMortemState.REVIEWED: "good"}
SHOWN_REVISIONS = 50


class TextForm(forms.Form):
    text = forms.CharField(
        label="Text",
        max_length=LONGEST,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 30, "spellcheck": "true"}),
        help_text="Markdown. What happened and what made it possible; roles instead of names.",
    )
    version = forms.IntegerField(widget=forms.HiddenInput)


class AskReview(Act):
    slug = "ask-review"
    label = "Put up for review"
    permission = postmortems.HANDLE
    tone = "primary"
    in_list = False

    def applies(self, obj: PostMortem) -> bool:
        return obj.state == PostMortemState.DRAFT

    def consequences(self, obj: PostMortem) -> list[str]:
        return ["Another person reads it, and reviews it or sends it back.", "It can still be edited meanwhile."]

    def perform(self, obj: PostMortem, *, actor: Actor, data: dict[str, Any]) -> Done:
        postmortems.ask_review(obj, actor=actor)
        return Done("It is in review.")


class Review(Act):
    slug = "review"
    label = "Review"
    permission = postmortems.REVIEW
    tone = "primary"
    in_list = False
    reason = Reason.WELCOME
    reason_label = "What do you say of it?"

    def applies(self, obj: PostMortem) -> bool:
        return obj.state == PostMortemState.IN_REVIEW

    def consequences(self, obj: PostMortem) -> list[str]:
        return [
            f"Revision {obj.version}, last edited by {obj.edited_by}, counts as reviewed by you.",
            "Who edits it afterwards makes it a draft again.",
        ]

    def fields(self, objects: Any) -> dict[str, forms.Field]:
        version = forms.IntegerField(widget=forms.HiddenInput, initial=objects[0].version)
        return {"version": version}

    def perform(self, obj: PostMortem, *, actor: Actor, data: dict[str, Any]) -> Done:
        postmortems.review(obj, version=data["version"], actor=actor, note=data.get("reason", ""))
        return Done("It is reviewed. The incident itself can be reviewed now.")


class SendBack(Act):
    slug = "send-back"
    label = "Send back"
    permission = postmortems.REVIEW
    in_list = False
    reason = Reason.NEEDED
    reason_label = "What is missing?"

    def applies(self, obj: PostMortem) -> bool:
        return obj.state != PostMortemState.DRAFT

    def consequences(self, obj: PostMortem) -> list[str]:
        return ["It is a draft again, with your words above it."]

    def perform(self, obj: PostMortem, *, actor: Actor, data: dict[str, Any]) -> Done:
        postmortems.send_back(obj, actor=actor, reason=data["reason"])
        return Done("It is a draft again.")


@admin.register(PostMortem)
class PostMortemAdmin(RecordAdmin):
    acts = [AskReview(), Review(), SendBack()]
    record_template = "tovgov/postmortem.html"
    list_display = ("incident", "state_word", "version", "edited", "edited_by", "reviewed_by")
    list_filter = ("state",)
    search_fields = ("incident__title", "text", "edited_by")
    list_select_related = ("incident__target",)
    empty_note = "Open an incident and start its post-mortem there: it is filled from the record."

    def get_urls(self) -> list[URLPattern]:
        wrap, name = self.admin_site.admin_view, "audit_postmortem"
        return [
            path("start/<int:incident>/", wrap(require_POST(self.start_view)), name=f"{name}_start"),
            path("<int:pk>/edit/", wrap(self.edit_view), name=f"{name}_edit"),
            path("<int:pk>/preview/", wrap(require_POST(self.preview_view)), name=f"{name}_preview"),
            path("<int:pk>/settle/<int:number>/", wrap(require_POST(self.settle_view)), name=f"{name}_settle"),
            path("<int:pk>/compare/<int:one>/<int:two>/", wrap(self.compare_view), name=f"{name}_compare"),
            path("<int:pk>/export/<str:form>/", wrap(self.export_view), name=f"{name}_export"),
            *super().get_urls(),
        ]

    @admin.display(description="state", ordering="state")
    def state_word(self, obj: PostMortem) -> SafeString:
        return badge(TONES[PostMortemState(obj.state)], obj.get_state_display())

    @admin.display(description="edited", ordering="edited_at")
    def edited(self, obj: PostMortem) -> SafeString | str:
        return age(obj.edited_at)

    def buttons(self, request: HttpRequest, obj: Any) -> list[dict[str, Any]]:
        shown = [{"label": "Edit", "tone": "", "minor": False, "url": _url("edit", obj)}]
        shown = shown if request.user.has_perm(postmortems.HANDLE) else []
        files = [
            {"label": f"Download as {words}", "tone": "", "minor": form != "pdf", "url": _url("export", obj, form)}
            for form, words in (("pdf", "PDF"), ("html", "HTML"), ("md", "Markdown"))
        ]
        return [*super().buttons(request, obj), *shown, *files]

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        revisions = list(obj.revisions.defer("text")[: SHOWN_REVISIONS + 1])
        return {
            "postmortem": obj,
            "incident": obj.incident,
            "state": self.state_word(obj),
            "html": documents.safe_html(obj.text, shift=2),
            "hints": postmortems.hints(obj.text, obj.incident),
            "revisions": revisions[:SHOWN_REVISIONS],
            "has_more": len(revisions) > SHOWN_REVISIONS,
            "beside": obj.revisions.filter(is_beside=True, settled_at=None).defer("text"),
            "may_edit": request.user.has_perm(postmortems.HANDLE),
        }

    # --- writing -----------------------------------------------------------------------------------------------------

    def start_view(self, request: HttpRequest, incident: int) -> HttpResponse:
        found = Incident.objects.filter(pk=incident).first()
        if found is None:
            raise Http404
        row = self._do(lambda: postmortems.start(found, actor=actor_of(request)))
        return HttpResponseRedirect(_url("edit", row))

    def edit_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The form (GET), the form with its preview, or saved (POST)."""
        row = self._row(request, pk)
        if not request.user.has_perm(postmortems.HANDLE):
            raise PermissionDenied
        sent = request.POST if request.method == "POST" else None
        form = TextForm(sent, initial={"text": row.text, "version": row.version}, auto_id="postmortem_%s")
        error, beside = None, None
        if sent is not None and form.is_valid() and "preview" not in sent:
            try:
                saved = self._do(lambda: postmortems.save(row, form.cleaned_data["text"],
                                                          version=form.cleaned_data["version"],
                                                          actor=actor_of(request)))  # fmt: skip
            except TovgovError as refused:
                error = refused
            else:
                if not saved.is_beside:
                    self.message_user(request, f"Saved as revision {saved.number}.")
                    return HttpResponseRedirect(page_of(row))
                beside = saved
                form = TextForm(initial={"text": row.text, "version": row.version}, auto_id="postmortem_%s")
        text = sent["text"] if sent is not None and "text" in sent and beside is None else row.text
        context = {
            **self.admin_site.each_context(request),
            "title": f"Edit: {row}",
            "opts": self.opts,
            "original": row,
            "banner": row.incident.target,
            "postmortem": row,
            "form": form,
            "error": error,
            "beside": beside,
            "lines": postmortems.compare(row.text, beside.text) if beside else [],
            "back": page_of(row),
            **_look(row, text),
        }
        return TemplateResponse(request, "tovgov/postmortem_edit.html", context, status=409 if error or beside else 200)

    def preview_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The words of the form as a piece of the page."""
        row = self._row(request, pk)
        return TemplateResponse(request, "tovgov/postmortem_preview.html", _look(row, request.POST.get("text", "")))

    def settle_view(self, request: HttpRequest, pk: int, number: int) -> HttpResponse:
        row = self._row(request, pk)
        try:
            self._do(lambda: postmortems.settle(row, number, actor=actor_of(request)))
            self.message_user(request, f"Revision {number} is settled; it stays on record.")
        except TovgovError as error:
            self.message_user(request, explain(error), messages.ERROR)
        return HttpResponseRedirect(page_of(row))

    def compare_view(self, request: HttpRequest, pk: int, one: int, two: int) -> HttpResponse:
        """Two revisions, line by line."""
        row = self._row(request, pk)
        found = {revision.number: revision for revision in row.revisions.filter(number__in=[one, two])}
        if one not in found or two not in found:
            raise Http404
        context = {
            **self.admin_site.each_context(request),
            "title": f"Revisions {one} and {two}",
            "opts": self.opts,
            "original": row,
            "banner": row.incident.target,
            "left": found[one],
            "right": found[two],
            "lines": postmortems.compare(found[one].text, found[two].text),
            "back": page_of(row),
        }
        return TemplateResponse(request, "tovgov/postmortem_compare.html", context)

    def export_view(self, request: HttpRequest, pk: int, form: str) -> HttpResponse:
        row = self._row(request, pk)
        if form not in postmortems.FORMATS:
            raise Http404
        made = self._do(lambda: postmortems.export(row, form, actor=actor_of(request)))
        answer = HttpResponse(made.data, content_type=made.media)
        answer["Content-Disposition"] = f'attachment; filename="{made.name}"'
        answer["X-SHA256"] = made.sha256
        answer["X-Content-Type-Options"] = "nosniff"
        answer["Cache-Control"] = "no-store"
        return answer

    def _row(self, request: HttpRequest, pk: int) -> PostMortem:
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = PostMortem.objects.select_related("incident__target").filter(pk=pk).first()
        if row is None:
            raise Http404
        return row

    @staticmethod
    def _do(verb: Any) -> Any:
        try:
            return verb()
        except NotPermitted as error:
            raise PermissionDenied(error.message) from None


def section(incident: Incident, user: User) -> dict[str, Any]:
    """The post-mortem on the incident's page: where it stands, or how to start it."""
    row = PostMortem.objects.filter(incident=incident).first()
    if row is None and not user.has_perm(postmortems.HANDLE):
        return {}
    state = badge(TONES[PostMortemState(row.state)], row.get_state_display()) if row else ""
    start = reverse("admin:audit_postmortem_start", args=[incident.pk])
    return {"postmortem": row, "state": state, "start": start}


IncidentAdmin.sections.append(("tovgov/incident_postmortems.html", section))


def _url(name: str, row: PostMortem, *more: str) -> str:
    return reverse(f"admin:audit_postmortem_{name}", args=[row.pk, *more])


def _look(row: PostMortem, text: str) -> dict[str, Any]:
    text = text[:LONGEST]
    return {
        "html": documents.safe_html(text, shift=2),
        "hints": postmortems.hints(text, row.incident),
        "preview_url": _url("preview", row),
    }
